import { describe, expect, test } from '@jest/globals';
import { LOGOUT_WAIT_MS } from '../../../../edge/fix/session/limits.ts';
import { AGAIN, DELIVERED, ENDED, FED, HELD, HOLD, QUIET } from '../../../../edge/fix/session/ports.ts';
import { loggedOn, order } from './harness.ts';

describe('heartbeats', () => {
  test('one when nothing was sent for HeartBtInt, and no sooner (4.a)', () => {
    const peer = loggedOn({}, '35=A|34=1|98=0|108=6');
    peer.pass(5999);
    expect(peer.heard()).toEqual([]);
    peer.pass(1);
    expect(peer.heard()).toEqual(['35=0|34=2']);
    expect(peer.say('35=1|34=2|112=x')).toEqual(['35=0|34=3|112=x']);
    peer.pass(5999);
    expect(peer.heard()).toEqual([]);
    peer.pass(1);
    expect(peer.heard()).toEqual(['35=0|34=4']);
  });

  test('silence: TestRequest after 1.2 × HeartBtInt, the end after as long again, no Heartbeat between (6)', () => {
    const peer = loggedOn({}, '35=A|34=1|98=0|108=6');
    peer.pass(6000);
    peer.say('35=0|34=2');
    peer.pass(6000);
    expect(peer.heard()).toEqual(['35=0|34=3']);
    peer.pass(1199);
    expect(peer.heard()).toEqual([]);
    peer.pass(1);
    expect(peer.heard()).toEqual(['35=1|34=4|112=TEST']);
    peer.say('35=0|34=3|112=TEST');
    peer.pass(6000);
    expect(peer.heard()).toEqual(['35=0|34=5']);
    peer.pass(1200);
    expect(peer.heard()).toEqual(['35=1|34=6|112=TEST']);
    peer.pass(7199);
    expect([peer.heard(), peer.closed]).toEqual([[], undefined]);
    peer.pass(1);
    expect([peer.heard(), peer.closed?.cause]).toEqual([[], 'heartbeat_timeout']);
    expect(peer.session.nextTimerAt()).toBe(Number.POSITIVE_INFINITY);
  });

  test('are timed to the millisecond at HeartBtInt 1', () => {
    const peer = loggedOn({}, '35=A|34=1|98=0|108=1');
    peer.pass(1000);
    expect(peer.heard()).toEqual(['35=0|34=2']);
    peer.pass(200);
    expect(peer.heard()).toEqual(['35=1|34=3|112=TEST']);
    peer.pass(1200);
    expect(peer.closed?.cause).toBe('heartbeat_timeout');
  });

  test('in their turn nothing follows from them; from those that are not, or are waited for, something does', () => {
    const peer = loggedOn({}, '35=A|34=1|98=0|108=10');
    expect(peer.feed('35=0|34=2')).toBe(QUIET);
    expect(peer.feed('35=0|34=2|43=Y|122=20040415-12:00:00')).toBe(FED);
    peer.feed(order(4));
    expect(peer.heard()).toEqual(['35=2|34=2|7=3|16=0']);
    // It fills the gap before an order.
    expect(peer.feed('35=0|34=3')).toBe(FED);
    expect(peer.delivered).toHaveLength(1);
    expect(peer.feed('35=0|34=5')).toBe(QUIET);
    // Its time is not only further away: our next Heartbeat waited for this answer.
    peer.pass(12_000);
    expect(peer.heard().at(-1)).toContain('35=1');
    expect(peer.feed('35=0|34=6|112=TEST')).toBe(FED);
    expect(peer.feed('35=0|34=7')).toBe(QUIET);
    expect(peer.feed('35=0|34=9')).toBe(FED);
  });

  test('none while a TestRequest is unanswered, whatever wakes the timer', () => {
    const peer = loggedOn({}, '35=A|34=1|98=0|108=10');
    peer.pass(12_000);
    expect(peer.heard()).toEqual(['35=0|34=2', '35=1|34=3|112=TEST']);
    peer.pass(11_000);
    peer.session.onTimer(peer.time);
    expect(peer.heard()).toEqual([]);
  });

  test('messages of others say nothing of the client', () => {
    const peer = loggedOn({}, '35=A|34=1|98=0|108=1');
    peer.pass(1100);
    peer.say('35=0|34=2|4x=garbled');
    peer.pass(100);
    expect(peer.heard()).toEqual(['35=1|34=3|112=TEST']);
  });
});

describe('Logout', () => {
  test('of the client is answered, then the end (13.b)', () => {
    const peer = loggedOn();
    expect(peer.feed('35=5|34=2')).toBe(ENDED);
    expect(peer.heard()).toEqual(['35=5|34=2']);
    expect(peer.closed?.cause).toBe('logout');
    expect(peer.feed('35=0|34=3')).toBe(ENDED);
  });

  test('of ours waits for the answer, and no longer than its time', () => {
    const answered = loggedOn();
    answered.session.logout('maintenance', answered.time);
    expect(answered.heard()).toEqual(['35=5|34=2|58=maintenance']);
    expect(answered.session.active).toBe(false);
    expect(answered.say('35=2|34=2|7=1|16=0')).toEqual(['35=4|34=1|43=Y|122=…|36=3|123=Y']);
    expect(answered.feed('35=5|34=3')).toBe(ENDED);
    expect(answered.closed?.cause).toBe('logout_answered');
    const silent = loggedOn();
    silent.session.logout('', silent.time);
    silent.pass(LOGOUT_WAIT_MS - 1);
    expect(silent.closed).toBeUndefined();
    silent.pass(1);
    expect(silent.closed?.cause).toBe('logout_timeout');
  });

  test('a kill does not wait, not even for an answer that is due', () => {
    const peer = loggedOn();
    peer.session.end('killed by admin', peer.time);
    expect(peer.heard()).toEqual(['35=5|34=2|58=killed by admin']);
    expect(peer.closed?.cause).toBe('ended');
    const waiting = loggedOn();
    waiting.session.logout('', waiting.time);
    waiting.session.end('killed by admin', waiting.time);
    expect(waiting.heard()).toEqual(['35=5|34=2']);
    expect(waiting.closed?.cause).toBe('ended');
  });

  test('a takeover: the old connection’s end does not touch the new one', () => {
    const peer = loggedOn();
    const old = peer.output;
    expect(() => peer.logon('35=A|34=2|98=0|108=30')).toThrow('must be closed first');
    peer.session.end('logged on elsewhere', peer.time);
    peer.disconnect();
    expect(peer.logon('35=A|34=2|98=0|108=30')).toEqual({ accepted: true });
    peer.session.onDisconnect(old, peer.time);
    expect(peer.session.active).toBe(true);
    expect(peer.say(order(3))).toEqual(['35=A|34=3|98=0|108=30', '35=D|34=4|11=ID3']);
  });

  test('from within the application’s work: the order has been taken, nothing after it is', () => {
    const peer = loggedOn();
    peer.gate = () => {
      peer.session.end('limit', peer.time);
      return DELIVERED;
    };
    peer.echo = false;
    expect(peer.feed(order(2))).toBe(ENDED);
    expect(peer.feed(order(3))).toBe(ENDED);
    expect([peer.delivered.length, peer.store.nextIn]).toEqual([1, 3]);
  });
});

describe('a message that the gate holds', () => {
  test('is fed again, and delivered once', () => {
    const peer = loggedOn({ profile: { enable_last_msg_seq_num_processed: true } });
    peer.gate = () => HOLD;
    expect(peer.feed(order(2))).toBe(AGAIN);
    expect(peer.store.nextIn).toBe(2);
    peer.pass(30_000);
    expect(peer.heard()).toEqual(['35=0|34=2|369=1']); // it has not been processed
    peer.gate = () => DELIVERED;
    expect(peer.feed(order(2))).toBe(FED);
    expect(peer.heard()).toEqual(['35=D|34=3|369=2|11=ID2']);
  });

  test('out of the queue: nothing is fed until it has gone', () => {
    const peer = loggedOn();
    peer.feed(order(3));
    peer.feed(order(4));
    peer.gate = () => HOLD;
    expect(peer.feed('35=0|34=2')).toBe(HELD);
    expect(peer.session.held).toBe(true);
    expect(peer.feed(order(5))).toBe(AGAIN);
    expect(peer.session.resume(peer.time)).toBe(HELD);
    peer.gate = () => DELIVERED;
    expect(peer.session.resume(peer.time)).toBe(FED);
    expect(peer.feed(order(5))).toBe(FED);
    expect(peer.delivered.map((one) => one.slice(-3))).toEqual(['ID3', 'ID4', 'ID5']);
  });

  test('an application that throws has had the order: it is not placed twice', () => {
    const peer = loggedOn();
    peer.gate = () => {
      throw new Error('venue');
    };
    expect(() => peer.feed(order(2))).toThrow('venue');
    expect(peer.store.nextIn).toBe(3);
  });
});

describe('the application', () => {
  test('takes back what it has begun', () => {
    const peer = loggedOn();
    peer.session.begin(0x38, peer.time).text(11, 'x');
    peer.session.cancel();
    peer.send('35=8|11=y');
    expect(peer.heard()).toEqual(['35=8|34=2|11=y']);
    expect(() => peer.session.commit()).toThrow(RangeError);
  });

  test('refuses by the limits: Reject and BusinessMessageReject in its own words', () => {
    const peer = loggedOn();
    peer.echo = false;
    peer.gate = () => {
      peer.session.reject(peer.message, -1, 0, 'wait 0.2 s', peer.time);
      peer.session.businessReject(peer.message, 8, 'ID2', 'wait 0.3 s', peer.time);
      return DELIVERED;
    };
    expect(peer.say(order(2))).toEqual([
      '35=3|34=2|45=2|58=wait 0.2 s|372=D',
      '35=j|34=3|45=2|58=wait 0.3 s|372=D|379=ID2|380=0',
    ]);
  });

  test.each([
    ['FIX.4.2', 5, 5],
    ['FIX.4.2', 6, 0],
    ['FIX.4.2', 8, 0],
    ['FIX.4.4', 7, 7],
    ['FIX.4.4', 8, 0],
    ['FIXT.1.1', 8, 8],
  ])(
    'in %s 380=%d is said as %d: a client would reject what its version does not have',
    (beginString, reason, said) => {
      const peer = loggedOn({ beginString }, `35=A|34=1|98=0|108=30${beginString === 'FIXT.1.1' ? '|1137=9' : ''}`);
      peer.gate = () => {
        peer.session.businessReject(peer.message, reason, '', 'wait', peer.time);
        return DELIVERED;
      };
      peer.echo = false;
      expect(peer.say(order(2))[0]).toMatch(new RegExp(`^35=j\\|.*\\|380=${said}$`));
    },
  );

  test('a report for a reader who does not read goes to the store', () => {
    const peer = loggedOn();
    peer.stuck = 5 * 1024 * 1024;
    peer.send('35=8|11=y');
    expect([peer.heard(), peer.store.pending]).toEqual([[], 1]);
    peer.stuck = 0;
    expect(peer.session.resending).toBe(true);
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toEqual(['35=8|34=2|11=y']);
  });
});
