import { describe, expect, test } from '@jest/globals';
import { QUEUE_MESSAGES } from '../../../../edge/fix/session/limits.ts';
import { ENDED } from '../../../../edge/fix/session/ports.ts';
import { at, loggedOn, order } from './harness.ts';

describe('a gap', () => {
  test('gives one ResendRequest; later messages are queued and taken in order when it is filled (2.b)', () => {
    const peer = loggedOn();
    expect(peer.say(order(5))).toEqual(['35=2|34=2|7=2|16=0']);
    expect(peer.say(order(6))).toEqual([]);
    expect(peer.say('35=1|34=7|112=late')).toEqual([]);
    expect(peer.say(order(2))).toEqual(['35=D|34=3|11=ID2']);
    expect(peer.say(order(3))).toEqual(['35=D|34=4|11=ID3']);
    expect(peer.say(order(4))).toEqual([4, 5, 6].map((n) => `35=D|34=${n + 1}|11=ID${n}`).concat('35=0|34=8|112=late'));
    expect(peer.store.nextIn).toBe(8);
    expect(peer.say(order(9))).toEqual(['35=2|34=9|7=8|16=0']); // the next gap is another one
  });

  test('in FIX.4.1 and before the open end is 999999', () => {
    expect(loggedOn({ beginString: 'FIX.4.0' }).say('35=0|34=4')).toEqual(['35=2|34=2|7=2|16=999999']);
  });

  test('a rejected resent message uses up its number; queued ones follow in order', () => {
    const peer = loggedOn();
    expect(peer.say('35=1|34=3|112=HELLO1')).toEqual(['35=2|34=2|7=2|16=0']);
    expect(peer.say(`${order(2, 'ID', `43=Y|122=${at(0)}|`)}|126=20040415`)).toEqual([
      '35=3|34=3|45=2|58=Incorrect data format for value|371=126|372=D|373=6',
      '35=0|34=4|112=HELLO1',
    ]);
    expect(peer.say('35=1|34=4|112=HELLO2')).toEqual(['35=0|34=5|112=HELLO2']);
    expect(peer.say('35=5|34=11')).toEqual(['35=5|34=6']);
  });

  test('two gaps in what was queued are two requests', () => {
    const peer = loggedOn();
    peer.say(order(4));
    peer.say(order(7));
    expect(peer.heard()).toEqual([]);
    peer.say(order(2));
    expect(peer.say(order(3))).toEqual(['35=D|34=4|11=ID3', '35=D|34=5|11=ID4', '35=2|34=6|7=5|16=0']);
    peer.say(order(5));
    expect(peer.say(order(6))).toEqual(['35=D|34=8|11=ID6', '35=D|34=9|11=ID7']);
  });

  test('by chunks: the next chunk is asked for when one has come', () => {
    const peer = loggedOn({ profile: { resend_request_chunk_size: 2 } });
    expect(peer.say('35=0|34=7')).toEqual(['35=2|34=2|7=2|16=3']);
    expect(peer.say('35=0|34=2')).toEqual([]);
    expect(peer.say('35=0|34=3')).toEqual(['35=2|34=3|7=4|16=5']);
    expect(peer.say('35=4|34=4|36=6|123=Y')).toEqual(['35=2|34=4|7=6|16=0']); // the last one has an open end
    expect(peer.say('35=0|34=6')).toEqual([]);
    expect(peer.store.nextIn).toBe(8);
  });

  test('by chunks: a gap fill whose NewSeqNo is the last number of the chunk has ended it', () => {
    const peer = loggedOn({ profile: { resend_request_chunk_size: 5 } });
    expect(peer.say('35=0|34=13')).toEqual(['35=2|34=2|7=2|16=6']);
    expect(peer.say('35=4|34=2|36=6|123=Y')).toEqual(['35=2|34=3|7=6|16=10']);
    expect(peer.say('35=4|34=6|36=8|123=Y')).toEqual([]); // one within the chunk has not
    expect(peer.say('35=4|34=8|36=10|123=Y')).toEqual(['35=2|34=4|7=10|16=0']);
    expect(peer.say('35=4|34=10|36=13|123=Y')).toEqual([]);
    expect(peer.say('35=1|34=14|112=on')).toEqual(['35=0|34=5|112=on']);
  });

  test('by chunks, the last in FIX.4.1 and before to 999999', () => {
    const peer = loggedOn({ beginString: 'FIX.4.0', profile: { resend_request_chunk_size: 2 } });
    expect(peer.say('35=0|34=4')).toEqual(['35=2|34=2|7=2|16=999999']);
  });

  test('a hole in the client’s resend is asked for again, once each time it resends', () => {
    const peer = loggedOn();
    const again = (n: number) => order(n, `ID${n}`, `43=Y|122=${at(0)}|`);
    peer.say(order(6));
    expect(peer.say(again(2))).toEqual(['35=D|34=3|11=ID2']);
    expect(peer.say(again(4))).toEqual(['35=2|34=4|7=3|16=0']); // 3 was garbled
    expect(peer.say(again(5))).toEqual([]);
    expect(peer.say(again(4))).toEqual(['35=2|34=5|7=3|16=0']); // and again
    expect(peer.say(again(3))).toHaveLength(4);
    expect(peer.delivered.map((one) => one.slice(-3))).toEqual(['ID2', 'ID3', 'ID4', 'ID5', 'ID6']);
  });

  test('the queue is bounded; what did not fit is asked for when the rest is done', () => {
    const peer = loggedOn();
    peer.echo = false;
    peer.say(order(3));
    for (let n = 4; n < 10 + QUEUE_MESSAGES; n++) peer.feed(order(n));
    expect(peer.heard()).toEqual([]);
    const full = 3 + QUEUE_MESSAGES;
    expect(peer.say(order(2))).toEqual([`35=2|34=3|7=${full}|16=0`]);
    expect(peer.store.nextIn).toBe(full);
    for (let n = full; n < 10 + QUEUE_MESSAGES; n++) expect(peer.say(order(n))).toEqual([]);
    expect(peer.delivered).toHaveLength(8 + QUEUE_MESSAGES);
  });

  test('and in bytes', () => {
    const peer = loggedOn();
    const big = (n: number) => `${order(n)}|58=${'x'.repeat(60_000)}`;
    for (let n = 3; n < 40; n++) peer.feed(big(n));
    peer.heard();
    peer.say('35=0|34=2');
    expect(peer.store.nextIn).toBeLessThan(21);
    expect(peer.store.nextIn).toBeGreaterThan(15);
  });
});

test('what a gap fill passes over leaves the queue', () => {
  const peer = loggedOn();
  const big = (n: number) => `${order(n)}|58=${'x'.repeat(60_000)}`;
  for (let n = 3; n < 40; n++) peer.feed(big(n));
  peer.heard();
  expect(peer.say('35=4|34=2|36=100|123=Y')).toEqual([]);
  expect(peer.say(order(102))).toEqual(['35=2|34=3|7=100|16=0']);
  peer.say(order(100));
  peer.say(order(101));
  expect(peer.store.nextIn).toBe(103); // 102 had found room
});

describe('acted on whatever the number', () => {
  test('Logout ahead of its turn, during a gap too', () => {
    const peer = loggedOn();
    peer.say('35=0|34=9');
    expect(peer.feed('35=5|34=12|58=bye')).toBe(ENDED);
    expect(peer.heard()).toEqual(['35=5|34=3']);
    expect(peer.closed).toEqual({ cause: 'logout', text: 'bye' });
    expect(peer.store.nextIn).toBe(2); // what is missing is asked for next time
  });

  test('Logout behind its turn', () => {
    const peer = loggedOn();
    peer.say('35=0|34=2');
    expect(peer.say('35=5|34=2')).toEqual(['35=5|34=2']);
    expect(peer.store.nextIn).toBe(3);
  });

  test('ResendRequest during a gap is served, and its number is used when its turn comes (20)', () => {
    const peer = loggedOn();
    peer.say(order(2));
    peer.say(order(3));
    expect(peer.say('35=0|34=7')).toEqual(['35=2|34=4|7=4|16=0']);
    expect(peer.say('35=2|34=8|7=2|16=3')).toEqual(['35=D|34=2|43=Y|122=…|11=ID2', '35=D|34=3|43=Y|122=…|11=ID3']);
    for (const n of [4, 5, 6]) expect(peer.say(`35=0|34=${n}|43=Y|122=${at(0)}`)).toEqual([]);
    expect(peer.store.nextIn).toBe(9);
    expect(peer.say('35=5|34=7')).toEqual(['35=5|34=5']);
  });

  test('ResendRequest that opens a gap: served first, then we ask', () => {
    const peer = loggedOn();
    expect(peer.say('35=2|34=4|7=1|16=0')).toEqual(['35=4|34=1|43=Y|122=…|36=2|123=Y', '35=2|34=2|7=2|16=0']);
    peer.say('35=0|34=2');
    peer.say('35=0|34=3');
    expect(peer.store.nextIn).toBe(5);
  });
});

describe('SequenceReset', () => {
  test('gap fill in its turn (10)', () => {
    const peer = loggedOn();
    expect(peer.say('35=4|34=2|36=20|123=Y')).toEqual([]);
    expect(peer.say('35=1|34=20|112=HELLO')).toEqual(['35=0|34=2|112=HELLO']);
  });

  test('gap fill ahead of its turn: ResendRequest, applied later (10)', () => {
    const peer = loggedOn();
    expect(peer.say('35=4|34=10|36=20|123=Y')).toEqual(['35=2|34=2|7=2|16=0']);
    expect(peer.say('35=1|34=20|112=HELLO')).toEqual([]);
    expect(peer.say('35=4|34=2|43=Y|36=10|123=Y')).toEqual(['35=0|34=3|112=HELLO']);
  });

  test('gap fill behind its turn: dropped if PossDup, else Logout and the end (10)', () => {
    const peer = loggedOn();
    expect(peer.say(`35=4|34=1|43=Y|122=${at(-1)}|36=20|123=Y`)).toEqual([]);
    expect(peer.say('35=1|34=2|112=HELLO')).toEqual(['35=0|34=2|112=HELLO']);
    expect(peer.say('35=4|34=1|36=20|123=Y')).toEqual(['35=5|34=3|58=MsgSeqNum too low, expecting 3 but received 1']);
  });

  test.each(['', '|123=N'])('Reset to a greater or the same number, whatever its own (11.a, 11.b) %s', (flag) => {
    const peer = loggedOn();
    expect(peer.say(`35=4|34=0|36=2${flag}`)).toEqual([]);
    expect(peer.say(`35=4|34=0|36=25${flag}`)).toEqual([]);
    expect(peer.say('35=1|34=25|112=HELLO')).toEqual(['35=0|34=2|112=HELLO']);
    expect(peer.say(`35=4|34=999|36=50${flag}`)).toEqual([]);
    expect(peer.say('35=1|34=50|112=HELLO')).toEqual(['35=0|34=3|112=HELLO']);
  });

  test('to a lower number: Reject 373=5, the expected number stays (11.c)', () => {
    const peer = loggedOn();
    const reject = '58=Value is incorrect (out of range) for this tag|372=4|373=5';
    expect(peer.say('35=4|34=0|36=1')).toEqual([`35=3|34=2|45=0|${reject}`]);
    expect(peer.say('35=1|34=2|112=HELLO')).toEqual(['35=0|34=3|112=HELLO']);
    expect(peer.say('35=4|34=0|36=1|123=N')).toEqual([`35=3|34=4|45=0|${reject}`]);
    expect(peer.say('35=4|34=3|36=3|123=Y')).toEqual([`35=3|34=5|45=3|${reject}`]);
    expect(peer.store.nextIn).toBe(3);
  });

  test('a Reset makes void what was queued', () => {
    const peer = loggedOn();
    peer.say(order(20));
    expect(peer.say('35=4|34=21|36=15')).toEqual([]);
    expect(peer.say(order(15))).toEqual(['35=D|34=3|11=ID15']);
    expect(peer.store.nextIn).toBe(16);
  });

  test('NewSeqNo of two thousand millions, or beyond all numbers, costs nothing', () => {
    for (const [newSeqNo, next] of [
      ['2147483647', 2147483647],
      ['999999999999999', 2],
      ['99999999999999999999', 3], // no number for the dictionary: a rejected message, which uses its own
    ] as const) {
      const peer = loggedOn();
      peer.say(order(4));
      const before = performance.now();
      peer.say(`35=4|34=2|36=${newSeqNo}|123=Y`);
      peer.say(`35=4|34=0|36=${newSeqNo}`);
      expect(performance.now() - before).toBeLessThan(100);
      expect(peer.store.nextIn).toBe(next);
    }
  });
});
