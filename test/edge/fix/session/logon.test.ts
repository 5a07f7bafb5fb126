import { describe, expect, test } from '@jest/globals';
import { LOGOUT_WAIT_MS, PENDING_GRACE_MS } from '../../../../edge/fix/session/limits.ts';
import { AGAIN, ENDED, HOLD } from '../../../../edge/fix/session/ports.ts';
import { at, loggedOn, order, Peer } from './harness.ts';

/** A peer whose session has got to nextIn 5 and nextOut 4, and is away. */
function returning(options: ConstructorParameters<typeof Peer>[0] = {}): Peer {
  const peer = loggedOn(options);
  peer.say(order(2));
  peer.say(order(3));
  peer.say('35=0|34=4');
  peer.disconnect();
  return peer;
}

describe('a Logon', () => {
  test('is answered by a Logon without Text (1.a)', () => {
    const peer = new Peer();
    expect(peer.logon('35=A|34=1|98=0|108=17|141=N|553=TW|554=secret')).toEqual({ accepted: true });
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=17']);
    expect([peer.store.nextIn, peer.store.nextOut]).toEqual([2, 2]);
  });

  test('in FIXT names the client’s DefaultApplVerID', () => {
    const peer = new Peer({ beginString: 'FIXT.1.1' });
    peer.logon('35=A|34=1|98=0|108=30|1137=9');
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30|1137=9']);
  });

  test('in FIXT carries SessionStatus where the profile wants it, and so does the Logout', () => {
    const peer = new Peer({ beginString: 'FIXT.1.1', profile: { enable_session_status: true } });
    peer.logon('35=A|34=1|98=0|108=30|1137=9');
    peer.feed('35=5|34=2');
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30|1137=9|1409=0', '35=5|34=2|1409=4']);
    const older = new Peer({ profile: { enable_session_status: true } });
    older.logon('35=A|34=1|98=0|108=30');
    expect(older.heard()).toEqual(['35=A|34=1|98=0|108=30']);
  });

  test('with a number too high: Logon, then ResendRequest from the first missing (1.a)', () => {
    const peer = new Peer();
    peer.logon('35=A|34=5|98=0|108=30');
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30', '35=2|34=2|7=1|16=0']);
    expect(peer.say('35=4|34=1|43=Y|36=5|123=Y')).toEqual([]);
    expect(peer.store.nextIn).toBe(6); // the Logon’s own number is used in its turn
    expect(peer.say('35=5|34=6')).toEqual(['35=5|34=3']);
  });

  test('goes on where the session was', () => {
    const peer = returning();
    peer.logon('35=A|34=5|98=0|108=30');
    expect(peer.heard()).toEqual(['35=A|34=4|98=0|108=30']);
    expect(peer.say(order(6))).toEqual(['35=D|34=5|11=ID6']);
  });

  test.each([
    ['34=0|98=0|108=30', 'invalid'],
    ['34=1|98=1|108=30', 'encrypt_method'],
    ['34=1|98=0|108=0', 'heartbeat_interval'],
    ['34=1|98=0|108=86401', 'heartbeat_interval'],
    ['34=1|98=0|108=-5', 'heartbeat_interval'],
    ['34=1|98=0', 'invalid'],
    ['34=1|98=0|108=30|9999=x', 'invalid'],
    [`34=1|98=0|108=30|52=${at(-121)}`, 'sending_time'],
    ['34=1|98=0|108=30|789=3', 'next_expected_msg_seq_num'],
    ['34=1|98=0|108=30|789=0', 'next_expected_msg_seq_num'],
  ])('%s is refused (%s) and uses no number', (fields, refusal) => {
    const peer = new Peer();
    const result = peer.logon(`35=A|${fields}`);
    expect(result).toMatchObject({ accepted: false, refusal });
    expect(peer.heard()).toEqual([]);
    if (!result.accepted) peer.refuse(result.text);
    expect(peer.heard()).toEqual([`35=5|34=1|58=${!result.accepted && result.text}`]);
    expect(peer.closed?.cause).toBe('logon_refused');
    expect([peer.store.nextIn, peer.store.nextOut]).toEqual([1, 1]);
    expect(peer.logon()).toEqual({ accepted: true });
  });

  test('too low without PossDup is refused with the number expected', () => {
    const peer = returning();
    expect(peer.logon()).toEqual({
      accepted: false,
      refusal: 'msg_seq_num_too_low',
      text: 'MsgSeqNum too low, expecting 5 but received 1',
    });
    peer.refuse('MsgSeqNum too low, expecting 5 but received 1');
    expect(peer.heard()).toEqual(['35=5|34=4|58=MsgSeqNum too low, expecting 5 but received 1']);
    expect([peer.store.nextIn, peer.store.nextOut]).toEqual([5, 4]);
  });

  test('of a version that the profile does not allow is refused', () => {
    const peer = new Peer({ profile: { begin_strings: ['FIX.4.2'] } });
    expect(peer.logon()).toMatchObject({ accepted: false, refusal: 'begin_string' });
  });

  test('the minimum of 0 admits sessions without heartbeats', () => {
    const peer = loggedOn({ profile: { heartbeat_interval: { min: 0, max: 60 } } }, '35=A|34=1|98=0|108=0');
    expect(peer.session.nextTimerAt()).toBe(Number.POSITIVE_INFINITY);
  });

  test('FIX.4.0 and the profile rule the decimals of SendingTime', () => {
    for (const [beginString, timestamp_precision, pattern] of [
      ['FIX.4.0', 'nanos', /\|52=\d{8}-\d\d:\d\d:\d\d\|/],
      ['FIX.4.4', 'micros', /\|52=\d{8}-\d\d:\d\d:\d\d\.\d{6}\|/],
    ] as const) {
      const peer = new Peer({ beginString, profile: { timestamp_precision } });
      peer.logon();
      expect(peer.raw()).toMatch(pattern);
    }
  });
});

describe('reset', () => {
  test('141=Y: both sides from 1, answered in kind; what was sent is forgotten', () => {
    const peer = returning();
    peer.logon('35=A|34=1|98=0|108=30|141=Y');
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30|141=Y']);
    expect(peer.store.generation).toBe(1);
    expect(peer.say('35=2|34=2|7=1|16=0')).toEqual(['35=4|34=1|43=Y|122=…|36=2|123=Y']);
  });

  test('141=Y in mid-session, whatever had been queued', () => {
    const peer = loggedOn();
    peer.say(order(2));
    peer.say(order(9));
    expect(peer.say('35=A|34=1|98=0|108=20|141=Y')).toEqual(['35=A|34=1|98=0|108=20|141=Y']);
    expect(peer.say('35=1|34=2|112=1')).toEqual(['35=0|34=2|112=1']);
    peer.pass(20_000);
    expect(peer.heard()).toEqual(['35=0|34=3']); // the new HeartBtInt
  });

  test('ends a resend that is under way and forgets the one that waits', () => {
    const peer = loggedOn();
    peer.say(order(2));
    peer.say(order(3));
    peer.stuck = 1 << 20;
    peer.say('35=2|34=4|7=2|16=2');
    peer.say('35=2|34=5|7=3|16=3');
    expect(peer.say('35=A|34=1|98=0|108=20|141=Y')).toEqual(['35=A|34=1|98=0|108=20|141=Y']);
    peer.stuck = 0;
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toEqual([]);
  });

  test('a bad one in mid-session ends the session', () => {
    const peer = loggedOn();
    expect(peer.say('35=A|34=1|98=0|108=0|141=Y')).toEqual(['35=5|34=2|58=HeartBtInt (108) must be from 1 to 86400']);
    expect(peer.closed?.cause).toBe('logon_refused');
  });

  test('one in mid-session whose proof is looked at is fed again, and nothing else before it', () => {
    const peer = loggedOn();
    peer.unproved = () => HOLD;
    expect(peer.feed('35=A|34=1|98=0|108=20|141=Y|554=x')).toBe(AGAIN);
    expect(peer.heard()).toEqual([]);
    peer.unproved = () => undefined;
    expect(peer.say('35=A|34=1|98=0|108=20|141=Y|554=x')).toEqual(['35=A|34=1|98=0|108=20|141=Y']);
  });

  test('one in mid-session that proves nothing ends the session, and resets nothing', () => {
    const peer = loggedOn();
    peer.unproved = () => ({ text: 'No', status: -1 });
    expect(peer.say('35=A|34=1|98=0|108=20|141=Y|554=x')).toEqual(['35=5|34=2|58=No']);
    expect(peer.closed?.cause).toBe('logon_refused');
    expect(peer.store.generation).toBe(0);
  });

  test('a new password (925) in mid-session ends the session: a Logon in answer would say that it counts', () => {
    const peer = loggedOn();
    const text = 'NewPassword (925) is taken in the first Logon of a connection only, log on again with it';
    expect(peer.say('35=A|34=1|98=0|108=20|141=Y|554=x|925=y')).toEqual([`35=5|34=2|58=${text}`]);
    expect(peer.closed?.cause).toBe('logon_refused');
  });

  test('a Logon in mid-session without 141=Y is rejected and uses its number', () => {
    const peer = loggedOn();
    expect(peer.say('35=A|34=2|98=0|108=30')).toEqual(['35=3|34=2|45=2|58=Logged on already|372=A|373=99']);
    expect(peer.store.nextIn).toBe(3);
  });

  test('reset_on_logon: both from 1, without 141 in the answer; a 789 from before means nothing', () => {
    const peer = returning({ profile: { reset_on_logon: true } });
    expect(peer.logon('35=A|34=1|98=0|108=30|789=17').accepted).toBe(true);
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30']);
    peer.disconnect();
    peer.logon('35=A|34=5|98=0|108=30');
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30', '35=2|34=2|7=1|16=0']);
  });

  test('reset_on_logout after a handshake either way, not after a broken connection', () => {
    for (const end of ['theirs', 'ours', 'broken'] as const) {
      const peer = loggedOn({ profile: { reset_on_logout: true } });
      peer.say('35=0|34=2');
      if (end === 'ours') peer.session.logout('bye', peer.time);
      if (end !== 'broken') expect(peer.feed('35=5|34=3')).toBe(ENDED);
      peer.disconnect();
      expect(peer.store.nextIn).toBe(end === 'broken' ? 3 : 1);
    }
  });

  test('reset_on_disconnect', () => {
    const peer = returning({ profile: { reset_on_disconnect: true } });
    expect([peer.store.nextIn, peer.store.nextOut]).toEqual([1, 1]);
  });

  test('by an admin: only while nobody is connected', () => {
    const peer = loggedOn();
    expect(peer.session.resetNumbers(peer.time)).toBe(false);
    peer.disconnect();
    expect(peer.session.resetNumbers(peer.time)).toBe(true);
    expect(peer.store.nextIn).toBe(1);
  });
});

describe('NextExpectedMsgSeqNum (789)', () => {
  const missed = ['35=4|34=1|43=Y|122=…|36=2|123=Y', '35=D|34=2|43=Y|122=…|11=ID2', '35=D|34=3|43=Y|122=…|11=ID3'];

  test('lower than ours: what is missing is sent at once, without being asked', () => {
    const peer = returning();
    peer.logon('35=A|34=5|98=0|108=30|789=1');
    expect(peer.heard()).toEqual(['35=A|34=4|98=0|108=30', ...missed, '35=4|34=4|43=Y|122=…|36=5|123=Y']);
  });

  test.each([4, 5])('ours is 4: %d is in sync', (nextExpected) => {
    const peer = returning();
    peer.logon(`35=A|34=5|98=0|108=30|789=${nextExpected}`);
    expect(peer.heard()).toEqual(['35=A|34=4|98=0|108=30']);
  });

  test('both sides say it: no ResendRequest, the client fills our gap by itself', () => {
    const peer = returning({ profile: { enable_next_expected_msg_seq_num: true } });
    peer.logon('35=A|34=8|98=0|108=30|789=4');
    expect(peer.heard()).toEqual(['35=A|34=4|98=0|108=30|789=5']);
    peer.say(order(5, 'ID5', `43=Y|122=${at(0)}|`));
    peer.say('35=4|34=6|43=Y|36=8|123=Y');
    expect(peer.store.nextIn).toBe(9);
  });

  test('in sync, ours is the number after the Logon', () => {
    const peer = new Peer({ profile: { enable_next_expected_msg_seq_num: true } });
    peer.logon('35=A|34=1|98=0|108=30|789=1');
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30|789=2']);
  });

  test('one side says it: we still have to ask', () => {
    const theirs = returning();
    theirs.logon('35=A|34=8|98=0|108=30|789=4');
    expect(theirs.heard()).toEqual(['35=A|34=4|98=0|108=30', '35=2|34=5|7=5|16=0']);
    const ours = returning({ profile: { enable_next_expected_msg_seq_num: true } });
    ours.logon('35=A|34=8|98=0|108=30');
    expect(ours.heard()).toEqual(['35=A|34=4|98=0|108=30|789=5', '35=2|34=5|7=5|16=0']);
  });
});

describe('messages made while the client is away', () => {
  function withReports(): Peer {
    const peer = returning();
    peer.send('35=8|11=a');
    peer.send('35=8|11=b');
    expect(peer.store.nextOut).toBe(4);
    return peer;
  }
  const reports = (from: number) => [`35=8|34=${from}|11=a`, `35=8|34=${from + 1}|11=b`];

  test('go out after the next Logon, in order, once', () => {
    const peer = withReports();
    peer.logon('35=A|34=5|98=0|108=30');
    peer.send('35=8|11=c');
    expect(peer.heard()).toEqual(['35=A|34=4|98=0|108=30']);
    peer.pass(PENDING_GRACE_MS);
    expect(peer.heard()).toEqual([...reports(5), '35=8|34=7|11=c']);
    expect(peer.store.pending).toBe(0);
    peer.disconnect();
    peer.logon('35=A|34=6|98=0|108=30|789=9');
    expect(peer.heard()).toEqual(['35=A|34=8|98=0|108=30']);
    expect(peer.say('35=2|34=7|7=5|16=6')).toEqual(reports(5).map((one) => one.replace('|11', '|43=Y|122=…|11')));
  });

  test('after what the client asks for again', () => {
    const peer = withReports();
    peer.logon('35=A|34=5|98=0|108=30');
    peer.heard();
    expect(peer.say('35=2|34=6|7=2|16=0')).toEqual([
      '35=D|34=2|43=Y|122=…|11=ID2',
      '35=D|34=3|43=Y|122=…|11=ID3',
      '35=4|34=4|43=Y|122=…|36=5|123=Y',
      ...reports(5),
    ]);
  });

  test('with the first message of a client that has missed nothing, and at once when its 789 says so', () => {
    const peer = withReports();
    peer.logon('35=A|34=5|98=0|108=30');
    peer.heard();
    expect(peer.say('35=0|34=6')).toEqual(reports(5));
    const knowing = withReports();
    knowing.logon('35=A|34=5|98=0|108=30|789=3');
    const filled = ['35=D|34=3|43=Y|122=…|11=ID3', '35=4|34=4|43=Y|122=…|36=5|123=Y'];
    expect(knowing.heard()).toEqual(['35=A|34=4|98=0|108=30', ...filled, ...reports(5)]);
  });

  test('say that they may have come, where what says so was lost', () => {
    const peer = withReports();
    peer.store.lostAt = peer.time.epochMs;
    peer.pass(1000);
    peer.send('35=8|11=c');
    peer.logon('35=A|34=5|98=0|108=30');
    peer.pass(PENDING_GRACE_MS);
    const doubtful = reports(5).map((one) => one.replace('|11', '|97=Y|11'));
    expect(peer.heard()).toEqual(['35=A|34=4|98=0|108=30', ...doubtful, '35=8|34=7|11=c']);
  });

  test('survive a reset of the numbers', () => {
    const peer = withReports();
    peer.logon('35=A|34=1|98=0|108=30|141=Y');
    peer.pass(PENDING_GRACE_MS);
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30|141=Y', ...reports(2)]);
  });

  test('and what is sent after our Logout waits for the next Logon', () => {
    const peer = loggedOn();
    peer.session.logout('maintenance', peer.time);
    peer.send('35=8|11=a');
    peer.session.resumeResend(peer.time);
    expect(peer.heard()).toEqual(['35=5|34=2|58=maintenance']);
    peer.pass(LOGOUT_WAIT_MS);
    peer.disconnect();
    peer.logon('35=A|34=2|98=0|108=30|789=3');
    expect(peer.heard()).toEqual(['35=A|34=3|98=0|108=30', '35=8|34=4|11=a']);
  });
});
