import { describe, expect, test } from '@jest/globals';
import { RESEND_BACKLOG_BYTES, RESEND_PORTION } from '../../../../edge/fix/session/limits.ts';
import { FED } from '../../../../edge/fix/session/ports.ts';
import { loggedOn, order, type Peer } from './harness.ts';

const again = (n: number, id = `ID${n}`) => `35=D|34=${n}|43=Y|122=…|11=${id}`;
const fill = (from: number, to: number) => `35=4|34=${from}|43=Y|122=…|36=${to}|123=Y`;

/** Heartbeats 2 to 4, orders 5 and 6, Heartbeats 7 and 8, order 9. */
function mixed(): Peer {
  const peer = loggedOn();
  for (const n of [2, 3, 4]) peer.say(`35=1|34=${n}|112=x`);
  for (const n of [5, 6]) peer.say(order(n));
  for (const n of [7, 8]) peer.say(`35=1|34=${n}|112=x`);
  peer.say(order(9));
  return peer;
}

describe('ResendRequest', () => {
  test.each([
    ['7=2|16=4', [fill(2, 5)]],
    ['7=2|16=6', [fill(2, 5), again(5), again(6)]],
    ['7=2|16=8', [fill(2, 5), again(5), again(6), fill(7, 9)]],
    ['7=2|16=9', [fill(2, 5), again(5), again(6), fill(7, 9), again(9)]],
    ['7=2|16=0', [fill(2, 5), again(5), again(6), fill(7, 9), again(9)]],
    ['7=6|16=2147483647', [again(6), fill(7, 9), again(9)]],
    ['7=10|16=0', []],
    ['7=2147483647|16=0', []],
  ])('%s: application messages again, runs of session messages as one gap fill (8)', (range, replies) => {
    const peer = mixed();
    expect(peer.say(`35=2|34=10|${range}`)).toEqual(replies);
    expect(peer.say('35=1|34=11|112=HELLO')).toEqual(['35=0|34=10|112=HELLO']); // no number was used
  });

  test('session messages only: a pure gap fill, whatever the request’s number', () => {
    const peer = loggedOn();
    for (const n of [2, 3, 4]) peer.say(`35=1|34=${n}|112=x`);
    expect(peer.say('35=2|34=5|7=1|16=4')).toEqual([fill(1, 5)]);
    peer.say('35=1|34=6|112=x');
    expect(peer.say('35=2|34=5|7=1|16=0')).toEqual([fill(1, 6)]);
  });

  test('999999 is an open end up to FIX.4.2', () => {
    const peer = loggedOn({ beginString: 'FIX.4.0' });
    peer.say('35=1|34=2|112=x');
    expect(peer.say('35=2|34=3|7=1|16=999999')).toEqual([fill(1, 3)]);
  });

  test.each([
    ['7=0|16=0', 7],
    ['7=3|16=2', 16],
  ])('%s is rejected', (range, tag) => {
    const peer = mixed();
    const text = '58=Value is incorrect (out of range) for this tag';
    expect(peer.say(`35=2|34=10|${range}`)).toEqual([`35=3|34=10|45=10|${text}|371=${tag}|372=2|373=5`]);
    expect(peer.store.nextIn).toBe(11);
  });

  test('OrigSendingTime is when the message was first sent', () => {
    const peer = loggedOn();
    peer.feed(order(2));
    const first = /\|52=([^|]*)\|/.exec(peer.raw().split('35=D')[1]!)![1];
    peer.pass(5000);
    peer.feed('35=2|34=3|7=2|16=2');
    const resent = peer.raw();
    expect(resent).toContain(`|122=${first}|`);
    expect(resent).toContain('|52=20260102-12:00:05.000|');
  });

  test('without persistence everything is gap-filled', () => {
    const peer = loggedOn({ profile: { persist_messages: false } });
    peer.say(order(2));
    expect(peer.say('35=2|34=3|7=1|16=0')).toEqual([fill(1, 3)]);
  });

  test('the cost is what is stored, not what is asked', () => {
    const peer = loggedOn();
    peer.store.setNextOut(2_000_000_000);
    peer.say(order(2));
    peer.store.lookups = 0;
    expect(peer.say('35=2|34=3|7=1|16=0')).toEqual([fill(1, 2_000_000_000), again(2_000_000_000, 'ID2')]);
    expect(peer.store.lookups).toBe(1);
  });
});

describe('a long resend', () => {
  const long = 2 * RESEND_PORTION + 10;
  function filled(): Peer {
    const peer = loggedOn();
    for (let n = 2; n < 2 + long; n++) peer.feed(order(n));
    peer.heard();
    return peer;
  }

  test('goes in portions; what is sent meanwhile comes after it', () => {
    const peer = filled();
    const next = 2 + long;
    expect(peer.say(`35=2|34=${next}|7=2|16=0`)).toHaveLength(RESEND_PORTION);
    expect(peer.session.resending).toBe(true);
    peer.send('35=8|11=new');
    expect(peer.heard()).toEqual([]);
    expect(peer.say(`35=1|34=${next + 1}|112=x`)).toEqual([`35=0|34=${next}|112=x`]);
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toHaveLength(RESEND_PORTION);
    peer.session.resumeResend(peer.time);
    expect(peer.heard().slice(9)).toEqual([again(1 + long), `35=8|34=${next + 1}|11=new`]);
    expect(peer.session.resending).toBe(false);
  });

  test('waits for a slow reader, and for a store that has to fetch', () => {
    const peer = filled();
    peer.stuck = RESEND_BACKLOG_BYTES + 1;
    expect(peer.say(`35=2|34=${2 + long}|7=2|16=3`)).toEqual([]);
    peer.stuck = 0;
    peer.store.loading = true;
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toEqual([]);
    peer.store.loading = false;
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toEqual([again(2), again(3)]);
  });

  test('one range at a time: what is asked meanwhile waits', () => {
    const peer = filled();
    peer.stuck = RESEND_BACKLOG_BYTES + 1;
    peer.say(`35=2|34=${2 + long}|7=5|16=6`);
    peer.say(`35=2|34=${3 + long}|7=5|16=6`); // is being sent already
    peer.say(`35=2|34=${4 + long}|7=3|16=4`);
    peer.stuck = 0;
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toEqual([again(5), again(6), again(3), again(4)]);
  });
});

test('the same range over and over waits for the end of a second, and is not forgotten', () => {
  const peer = loggedOn();
  peer.say(order(2));
  expect(peer.say('35=2|34=3|7=2|16=2')).toEqual([again(2)]);
  expect(peer.say('35=2|34=4|7=2|16=2')).toEqual([again(2)]);
  for (let n = 5; n < 50; n++) expect(peer.say(`35=2|34=${n}|7=2|16=2`)).toEqual([]);
  peer.pass(999);
  expect(peer.heard()).toEqual([]);
  peer.pass(1);
  expect(peer.heard()).toEqual([again(2)]);
  expect(peer.say('35=2|34=50|7=2|16=2')).toEqual([again(2)]);
});

test('different ranges are bounded as well', () => {
  const peer = loggedOn();
  for (let n = 2; n < 32; n++) peer.say(order(n));
  let served = 0;
  for (let n = 32; n < 62; n++) served += peer.say(`35=2|34=${n}|7=${n - 30}|16=${n - 30}`).length;
  expect(served).toBe(8);
  peer.pass(1000);
  expect(peer.heard()).toHaveLength(22); // the rest, as one range
  served = 0;
  for (let n = 62; n < 92; n++) served += peer.say(`35=2|34=${n}|7=${n - 60}|16=${n - 60}`).length;
  expect(served).toBe(7); // and it counts
});

test('an order that came only as PossDup resend is accepted exactly once', () => {
  const peer = loggedOn();
  const resent = order(2, 'ID2', '43=Y|122=20260102-11:59:59.000|');
  expect(peer.feed(resent)).toBe(FED);
  expect(peer.feed(resent)).toBe(FED);
  expect(peer.delivered).toEqual(['35=D|34=2|11=ID2']);
});
