import { describe, expect, test } from '@jest/globals';
import { TOKENS_MISFRAMED } from '../../../../edge/fix/message.ts';
import { ENDED, FED } from '../../../../edge/fix/session/ports.ts';
import { at, loggedOn, order, Peer } from './harness.ts';

describe('messages in sequence', () => {
  test('rising numbers are taken in silence (2.a)', () => {
    const peer = loggedOn();
    expect([2, 3, 4].flatMap((n) => peer.say(`35=0|34=${n}`))).toEqual([]);
    expect(peer.store.nextIn).toBe(5);
  });

  test('a TestRequest is answered by a Heartbeat with its TestReqID, byte for byte (4.b)', () => {
    const peer = loggedOn();
    expect(peer.say('35=1|34=2|112=HELLO é')).toEqual(['35=0|34=2|112=HELLO é']);
  });

  test('a Reject uses up its number and nothing else (7)', () => {
    const peer = loggedOn();
    expect(peer.say('35=3|34=2|45=1')).toEqual([]);
    expect(peer.store.nextIn).toBe(3);
  });

  test('an application message is delivered and its answer is numbered and kept', () => {
    const peer = loggedOn();
    expect(peer.say(order(2))).toEqual(['35=D|34=2|11=ID2']);
    expect(peer.delivered).toEqual(['35=D|34=2|11=ID2']);
    expect([peer.store.nextIn, peer.store.nextOut]).toEqual([3, 3]);
  });

  test('a type that the application does not do: BusinessMessageReject 380=3 with 45 and 372, kept for resending', () => {
    const peer = loggedOn();
    const report = '35=8|34=2|37=id|17=id|150=0|39=0|55=WLRI|54=1|151=100|14=0|6=0.0';
    const reject = '45=2|58=Unsupported Message Type|372=8|380=3';
    expect(peer.say(report)).toEqual([`35=j|34=2|${reject}`]);
    expect(peer.say('35=2|34=3|7=2|16=2')).toEqual([`35=j|34=2|43=Y|122=…|${reject}`]);
  });

  test('FIX.4.0 has no BusinessMessageReject: Reject with RefSeqNum and Text only', () => {
    const peer = loggedOn({ beginString: 'FIX.4.0' });
    const sell = '35=F|34=2|41=a|11=b|125=F|55=X|54=1|38=1|37=o';
    expect(peer.say(sell)).toEqual(['35=3|34=2|45=2|58=Unsupported Message Type']);
  });

  test('too low without PossDup: Logout with text and the end (2.c)', () => {
    const peer = loggedOn();
    peer.say('35=0|34=2');
    peer.say('35=0|34=3');
    expect(peer.feed('35=0|34=2')).toBe(ENDED);
    expect(peer.heard()).toEqual(['35=5|34=2|58=MsgSeqNum too low, expecting 4 but received 2']);
    expect(peer.closed?.cause).toBe('msg_seq_num_too_low');
    expect(peer.feed('35=0|34=4')).toBe(ENDED);
  });

  test('too low with PossDup is dropped; with the next number it is processed (2.e)', () => {
    const peer = loggedOn();
    peer.say(order(2));
    expect(peer.say(order(2, 'ID2', `43=Y|122=${at(0)}|`))).toEqual([]);
    expect(peer.say(order(3, 'ID3', `43=Y|122=${at(0)}|`))).toEqual(['35=D|34=3|11=ID3']);
    expect(peer.delivered).toHaveLength(2);
  });

  test.each(['', '34=|', '34=abc|', '34=-5|', `34=${'9'.repeat(20)}|`])('MsgSeqNum "%s": Logout and the end', (n) => {
    const peer = loggedOn();
    expect(peer.feed(`35=0|${n}`)).toBe(ENDED);
    expect(peer.heard()).toEqual(['35=5|34=2|58=MsgSeqNum (34) is missing or no number']);
    expect(peer.store.nextIn).toBe(2);
  });

  test('a garbled message is dropped without using a number, or rejected if the profile says so (3.c)', () => {
    const peer = loggedOn();
    expect(peer.say('35=0|34=2|4garbled9=X')).toEqual([]);
    expect(peer.store.nextIn).toBe(2);
    const strict = loggedOn({ profile: { reject_garbled_message: true } });
    expect(strict.say('35=0|34=2|4garbled9=X')[0]).toMatch(/^35=3\|34=2\|45=2\|/);
    expect(strict.store.nextIn).toBe(3);
  });

  test('a frame that is garbled is rejected too, if the profile says so and its number is due', () => {
    const feed = (peer: Peer, fields: string): string[] => {
      peer.parse(fields);
      expect(peer.session.onMessage(peer.message, TOKENS_MISFRAMED, peer.time)).toBe(FED);
      return peer.heard();
    };
    const peer = loggedOn({ profile: { reject_garbled_message: true } });
    expect(feed(peer, order(2))).toEqual(['35=3|34=2|45=2|58=Message is garbled|372=D']);
    expect(peer.delivered).toEqual([]);
    for (const ignored of [order(2), order(9), '35=0|34=x', '35=0']) expect(feed(peer, ignored)).toEqual([]);
    expect(peer.say(order(4))).toEqual(['35=2|34=3|7=3|16=0']);
    expect(feed(peer, order(3))).toEqual(['35=3|34=4|45=3|58=Message is garbled|372=D', '35=D|34=5|11=ID4']);
    expect(feed(loggedOn(), order(2))).toEqual([]);
  });

  test('every header names LastMsgSeqNumProcessed (369) when the profile says so', () => {
    const peer = new Peer({ profile: { enable_last_msg_seq_num_processed: true } });
    peer.logon();
    expect(peer.heard()).toEqual(['35=A|34=1|369=1|98=0|108=30']);
    expect(peer.say('35=1|34=2|112=x')).toEqual(['35=0|34=2|369=2|112=x']);
    expect(peer.say(order(3))).toEqual(['35=D|34=3|369=3|11=ID3']);
    expect(peer.say('35=2|34=4|7=2|16=2')).toEqual(['35=4|34=2|43=Y|122=…|369=4|36=3|123=Y']);
  });

  test('the client’s SenderSubID comes back as TargetSubID', () => {
    const peer = loggedOn({ senderSubId: 'DESK' });
    peer.feed('35=1|34=2|50=DESK|112=x');
    expect(peer.raw()).toContain('|56=TW|57=DESK|112=x|');
  });
});

describe('who and when', () => {
  test('another BeginString: Logout, then the answer or two seconds (2.i)', () => {
    for (const answers of [true, false]) {
      const peer = loggedOn();
      expect(peer.say('8=FIX.4.1|35=1|34=2|112=id')).toEqual(['35=5|34=2|58=Incorrect BeginString']);
      expect(peer.closed).toBeUndefined();
      if (answers) expect(peer.feed('35=5|34=3')).toBe(ENDED);
      else peer.pass(2000);
      expect(peer.closed?.cause).toBe(answers ? 'logout_answered' : 'logout_timeout');
      expect(peer.heard()).toEqual([]);
    }
  });

  test.each(['49=WT', '56=DLSI', '49=WT|56=DLSI'])('%s: Reject 373=9 and Logout (2.k)', (ids) => {
    const peer = loggedOn();
    expect(peer.say(`${order(2)}|${ids}`)).toEqual(['35=3|34=2|45=2|58=CompID problem|372=D|373=9', '35=5|34=3']);
    expect(peer.delivered).toEqual([]);
    peer.pass(1999);
    expect(peer.closed).toBeUndefined();
    peer.pass(1);
    expect(peer.closed?.cause).toBe('logout_timeout');
  });

  test('SendingTime more than 120 s off, either way: Reject 373=10 and Logout (2.o)', () => {
    for (const off of [-121, 121]) {
      const peer = loggedOn();
      expect(peer.say(`35=0|34=2|52=${at(off)}`)).toEqual([
        '35=3|34=2|45=2|58=SendingTime accuracy problem|372=0|373=10',
        '35=5|34=3',
      ]);
      expect(peer.feed(order(3))).toBe(FED);
      expect(peer.delivered).toEqual([]); // not taken after our Logout; its number is still due
      expect(peer.store.nextIn).toBe(3);
    }
    for (const off of [-120, 120]) expect(loggedOn().say(`35=0|34=2|52=${at(off)}`)).toEqual([]);
    expect(loggedOn({ profile: { check_latency: false } }).say(`35=0|34=2|52=${at(-9000)}`)).toEqual([]);
    expect(loggedOn({ profile: { max_latency: 1 } }).say(`35=0|34=2|52=${at(2)}`)).toHaveLength(2);
  });

  test('SendingTime that is known from before is in time at that time only, and no other one with it', () => {
    const known = (peer: Peer, fields: string, timeOf: number) => {
      const tokens = peer.parse(fields);
      peer.message.timeOf = timeOf;
      peer.session.onMessage(peer.message, tokens, peer.time);
      return peer.heard();
    };
    const refused = expect.stringContaining('SendingTime accuracy problem');
    const peer = loggedOn();
    for (const n of [2, 3]) expect(known(peer, `35=0|34=${n}|52=${at(0)}`, 5)).toEqual([]);
    peer.pass(29_000);
    peer.heard();
    peer.time = { epochMs: peer.time.epochMs + 121_000, monoMs: peer.time.monoMs };
    expect(known(peer, `35=0|34=4|52=${at(0)}`, 5)[0]).toEqual(refused);
    for (const timeOf of [0, 6]) {
      const other = loggedOn();
      expect(known(other, `35=0|34=2|52=${at(0)}`, 5)).toEqual([]);
      expect(known(other, `35=0|34=3|52=${at(-121)}`, timeOf)[0]).toEqual(refused);
    }
  });

  test.each(['FIX.4.0', 'FIX.4.2', 'FIX.4.4', 'FIXT.1.1'])(
    'in %s SendingTime has no decimals, or up to twelve: clients send what they like',
    (beginString) => {
      const peer = loggedOn({ beginString }, `35=A|34=1|98=0|108=30${beginString === 'FIXT.1.1' ? '|1137=9' : ''}`);
      for (const [i, decimals] of ['', '.123', '.123456', '.123456789', '.123456789012'].entries()) {
        expect(peer.say(`35=0|34=${2 + i}|52=20260102-12:00:00${decimals}`)).toEqual([]);
      }
      expect(peer.store.nextIn).toBe(7);
      expect(peer.say('35=0|34=7|52=20260102-12:00:00.1234567890123')[0]).toMatch(/^35=3\|/);
    },
  );

  test('PossDup with OrigSendingTime after SendingTime: Reject 373=10 and Logout (2.f)', () => {
    const peer = loggedOn();
    peer.say(order(2));
    expect(peer.say(order(2, 'ID2', `43=Y|122=${at(10)}|`))).toEqual([
      '35=3|34=3|45=2|58=SendingTime accuracy problem|372=D|373=10',
      '35=5|34=4',
    ]);
    expect(peer.feed('35=5|34=3')).toBe(ENDED);
  });

  test('OrigSendingTime with decimals is not after the same SendingTime without', () => {
    const peer = loggedOn();
    const possDup = `43=Y|52=${at(0).slice(0, 17)}|122=${at(0.5)}|`;
    expect(peer.say(order(2, 'ID2', possDup))).toEqual(['35=D|34=2|11=ID2']);
  });

  test('PossDup without OrigSendingTime: Reject 373=1 for 122, number unchanged (2.g)', () => {
    const peer = loggedOn();
    peer.say(order(2));
    peer.say(order(3));
    const reject = '45=2|58=Required tag missing|371=122|372=D|373=1';
    expect(peer.say(order(2, 'ID2', '43=Y|'))).toEqual([`35=3|34=4|${reject}`]);
    expect(peer.say('35=1|34=4|112=HELLO')).toEqual(['35=0|34=5|112=HELLO']);
    const lax = loggedOn({ profile: { requires_orig_sending_time: false } });
    expect(lax.say(order(2, 'ID2', '43=Y|'))).toEqual(['35=D|34=2|11=ID2']);
  });
});

describe('rejects by the dictionary', () => {
  test.each([
    ['35=0|34=2|999=HI', '45=2|58=Invalid tag number|371=999|372=0|373=0'],
    ['35=0|34=2|-1=HI', '45=2|58=Invalid tag number|371=-1|372=0|373=0'],
    ['35=D|34=2|40=1|60=20260102-12:00:00|54=1|21=3', '45=2|58=Required tag missing|371=11|372=D|373=1'],
    ['35=0|34=2|55=MSFT', '45=2|58=Tag not defined for this message type|371=55|372=0|373=2'],
    ['35=*|34=2', '45=2|58=Invalid MsgType|372=*|373=11'],
  ])('%s', (message, reject) => {
    const peer = loggedOn();
    expect(peer.say(message)).toEqual([`35=3|34=2|${reject}`]);
    expect(peer.store.nextIn).toBe(3); // a rejected message uses up its number
  });

  test('a missing TargetCompID is the dictionary’s to reject, not a wrong one', () => {
    const peer = loggedOn();
    expect(peer.say('35=0|34=2|56=')).toEqual(['35=3|34=2|45=2|58=Tag specified without a value|371=56|372=0|373=4']);
    expect(peer.closed).toBeUndefined();
  });

  test('FIX.4.2 has no 373 above 11; FIX.4.0 neither 371, 372 nor 373', () => {
    const twice = '35=0|34=2|112=a|112=b';
    expect(loggedOn({ beginString: 'FIX.4.2' }).say(twice)).toEqual([
      '35=3|34=2|45=2|58=Tag appears more than once|371=112|372=0',
    ]);
    expect(loggedOn({ beginString: 'FIX.4.0' }).say(twice)).toEqual([
      '35=3|34=2|45=2|58=Tag appears more than once (112)',
    ]);
  });

  test.each([
    ['115=JCD', '128=JCD'],
    ['128=JCD', '115=JCD'],
    ['115=JCD|116=CS|144=CHI', '128=JCD|129=CS|145=CHI'],
    ['128=JCD|129=CS|145=CHI', '115=JCD|116=CS|144=CHI'],
  ])('go back the way they came: %s', (there, back) => {
    const peer = loggedOn();
    expect(peer.say(`35=0|34=2|${there}|55=X`)[0]).toContain(`35=3|34=2|${back}|45=2|`);
  });

  test('in FIX.4.0 without the location, which came later', () => {
    expect(loggedOn({ beginString: 'FIX.4.0' }).say('35=0|34=2|115=JCD|116=CS|144=CHI')).toEqual([
      '35=3|34=2|128=JCD|129=CS|45=2|58=Invalid tag number (144)',
    ]);
  });

  test('empty routing fields are rejected and not reversed', () => {
    const peer = loggedOn();
    expect(peer.say('35=0|34=2|115=JCD|116=')).toEqual([
      '35=3|34=2|128=JCD|45=2|58=Tag specified without a value|371=116|372=0|373=4',
    ]);
  });
});
