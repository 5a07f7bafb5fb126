// When a client that comes back has got all that it had missed: told once, with how much it was.
import { describe, expect, test } from '@jest/globals';
import { RECOVERY_BEGINS_MS } from '../../../../edge/fix/session/limits.ts';
import { loggedOn, type Options, order, type Peer } from './harness.ts';
import { MemorySessionStore } from './memory-store.ts';

/** Logged on, three orders echoed as 2 to 4, gone; `waiting` reports made since. */
function gone(waiting = 0, options: Options = {}): Peer {
  const peer = loggedOn({ store: new MemorySessionStore(), ...options });
  for (let n = 2; n <= 4; n++) peer.feed(order(n));
  peer.heard();
  peer.disconnect();
  for (let i = 1; i <= waiting; i++) peer.send(`35=8|37=${i}`);
  return peer;
}

test('a resend asked for after the Logon', () => {
  const peer = gone();
  peer.logon('35=A|34=5|98=0|108=30');
  expect(peer.recovered).toEqual([]);
  peer.heard();
  expect(peer.say('35=2|34=6|7=2|16=0')).toHaveLength(4); // three orders and the gap of our Logon
  expect(peer.recovered).toEqual(['3+0']);
  peer.say('35=2|34=7|7=2|16=0');
  expect(peer.recovered).toEqual(['3+0']);
});

test('by NextExpectedMsgSeqNum (789), within the Logon', () => {
  const peer = gone(2);
  peer.logon('35=A|34=5|98=0|108=30|789=3');
  expect(peer.recovered).toEqual(['2+2']);
});

test('reports that waited, without anything asked for', () => {
  const peer = gone(2);
  peer.logon('35=A|34=5|98=0|108=30');
  expect(peer.recovered).toEqual([]);
  peer.pass(250);
  expect(peer.recovered).toEqual(['0+2']);
});

test('both: first what is asked for, then what waited', () => {
  const peer = gone(2);
  peer.logon('35=A|34=5|98=0|108=30');
  peer.say('35=2|34=6|7=3|16=0');
  expect(peer.recovered).toEqual(['2+2']);
});

test('asked for in chunks: told with the last, and a number asked for twice counts once', () => {
  const peer = gone();
  peer.logon('35=A|34=5|98=0|108=30');
  peer.say('35=2|34=6|7=2|16=3');
  peer.say('35=2|34=7|7=3|16=3');
  expect(peer.recovered).toEqual([]);
  peer.say('35=2|34=8|7=4|16=4');
  expect(peer.recovered).toEqual(['3+0']);
});

test('a client that does not read is not told before it has been sent everything', () => {
  const peer = gone(3);
  peer.stuck = 1024 * 1024;
  peer.logon('35=A|34=5|98=0|108=30|789=2');
  expect(peer.recovered).toEqual([]);
  peer.stuck = 0;
  peer.session.resumeResend(peer.time);
  expect(peer.recovered).toEqual(['3+3']);
});

describe('nothing is told', () => {
  test('when nothing was missed', () => {
    const peer = gone();
    peer.logon('35=A|34=5|98=0|108=30|789=5');
    peer.say('35=0|34=6');
    peer.pass(60_000);
    expect(peer.recovered).toEqual([]);
  });

  test('when only session-level messages were', () => {
    const peer = loggedOn();
    peer.say('35=1|34=2|112=x');
    peer.disconnect();
    peer.logon('35=A|34=3|98=0|108=30');
    peer.heard();
    expect(peer.say('35=2|34=4|7=2|16=0')).toEqual(['35=4|34=2|43=Y|122=…|36=4|123=Y']);
    expect(peer.recovered).toEqual([]);
  });

  test('when only our own News was', () => {
    const peer = loggedOn();
    peer.send('35=B|148=x|33=1|58=y');
    peer.disconnect();
    peer.send('35=B|148=x|33=1|58=z');
    peer.logon('35=A|34=2|98=0|108=30|789=2');
    expect(peer.heard()).toHaveLength(4);
    expect(peer.recovered).toEqual([]);
  });

  test('after a reset (141=Y), unless reports had waited', () => {
    const peer = gone();
    peer.logon('35=A|34=1|98=0|108=30|141=Y');
    peer.say('35=2|34=2|7=1|16=0');
    expect(peer.recovered).toEqual([]);
    const other = gone(1);
    other.logon('35=A|34=1|98=0|108=30|141=Y');
    other.say('35=0|34=2');
    expect(other.recovered).toEqual(['0+1']);
  });

  test('of what was missed in mid-session, or is asked for much later', () => {
    const peer = gone();
    peer.logon('35=A|34=5|98=0|108=30');
    peer.say(order(6));
    peer.say('35=2|34=7|7=6|16=0');
    expect(peer.recovered).toEqual([]);
    const other = gone(0, { profile: { heartbeat_interval: { min: 0, max: 60 } } });
    other.logon('35=A|34=5|98=0|108=0');
    other.pass(RECOVERY_BEGINS_MS);
    other.say('35=2|34=6|7=2|16=0');
    expect(other.recovered).toEqual([]);
  });
});
