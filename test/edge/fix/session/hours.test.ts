// Session hours: refused outside, ended at their end, numbers from 1 once a period. Time begins on 2026-01-02 at 12:00 UTC.
import { describe, expect, test } from '@jest/globals';
import type { SessionProfile } from '../../../../edge/fix/session/profile.ts';
import { NOON, Peer } from './harness.ts';
import { MemorySessionStore } from './memory-store.ts';

const HOUR = 3_600_000;
const hours = (start_time: string, end_time: string): Partial<SessionProfile> => ({ start_time, end_time });

/** A store whose numbers stand where they are since `createdAt`. */
function used(createdAt: number): MemorySessionStore {
  const store = new MemorySessionStore();
  store.createdAt = createdAt;
  store.setNextIn(41);
  store.setNextOut(52);
  return store;
}

test('outside of them a Logon is refused with the time of the next session, and uses no number', () => {
  const peer = new Peer({ profile: hours('13:00:00', '17:00:00'), store: used(NOON - 24 * HOUR) });
  expect(peer.logon('35=A|34=41|98=0|108=30')).toEqual({
    accepted: false,
    refusal: 'outside_session_time',
    text: 'Outside of session hours, the next session begins at 2026-01-02T13:00:00.000Z',
  });
  expect([peer.store.nextIn, peer.store.nextOut]).toEqual([41, 52]);
});

describe('the first Logon of a period', () => {
  test('finds both numbers at 1, without 141 in the answer', () => {
    const peer = new Peer({ profile: hours('11:00:00', '17:00:00'), store: used(NOON - 2 * HOUR) });
    expect(peer.logon('35=A|34=1|98=0|108=30')).toEqual({ accepted: true });
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=30']);
    expect([peer.store.nextIn, peer.store.nextOut]).toEqual([2, 2]);
  });

  test('is the only one that does', () => {
    const peer = new Peer({ profile: hours('11:00:00', '17:00:00'), store: used(NOON - HOUR) });
    expect(peer.logon('35=A|34=41|98=0|108=30')).toEqual({ accepted: true });
    expect(peer.heard()).toEqual(['35=A|34=52|98=0|108=30']);
  });

  test('keeps what waits for the client', () => {
    const peer = new Peer({ profile: hours('11:00:00', '17:00:00'), store: used(NOON - 24 * HOUR) });
    peer.send('35=8|37=1');
    peer.logon('35=A|34=1|98=0|108=30');
    peer.heard();
    expect(peer.say('35=0|34=2')).toEqual(['35=8|34=2|37=1']);
  });
});

test('without hours numbers go on from any time', () => {
  const peer = new Peer({ store: used(0) });
  peer.logon('35=A|34=41|98=0|108=30');
  expect(peer.heard()).toEqual(['35=A|34=52|98=0|108=30']);
});

describe('the end of a period', () => {
  const live = (): Peer => {
    const peer = new Peer({ profile: { ...hours('11:00:00', '12:30:00'), heartbeat_interval: { min: 0, max: 60 } } });
    peer.logon('35=A|34=1|98=0|108=0');
    peer.heard();
    return peer;
  };

  test('is told by a Logout, and the client has time to answer', () => {
    const peer = live();
    peer.pass(HOUR / 2 - 1);
    expect(peer.heard()).toEqual([]);
    peer.pass(1);
    expect(peer.heard()).toEqual(['35=5|34=2|58=End of session hours']);
    expect(peer.closed).toBeUndefined();
    peer.feed('35=5|34=2');
    expect(peer.closed).toMatchObject({ cause: 'logout_answered' });
  });

  test('ends the connection when the Logout stays unanswered', () => {
    const peer = live();
    peer.pass(HOUR);
    expect(peer.closed).toMatchObject({ cause: 'logout_timeout' });
  });

  test('goes by the wall clock, which may be set back meanwhile', () => {
    const peer = live();
    peer.time = { epochMs: NOON - HOUR / 2, monoMs: peer.time.monoMs };
    peer.pass(HOUR / 2);
    expect(peer.heard()).toEqual([]);
    peer.pass(HOUR / 2);
    expect(peer.heard()).toEqual(['35=5|34=2|58=End of session hours']);
  });

  test('around the clock: the session is ended, and back at once with new numbers', () => {
    const peer = new Peer({ profile: { ...hours('13:00:00', '13:00:00'), heartbeat_interval: { min: 0, max: 60 } } });
    peer.logon('35=A|34=1|98=0|108=0');
    peer.say('35=D|34=2|11=a|21=1|40=1|54=1|38=1|55=IBM|60=20260102-12:00:00');
    peer.pass(HOUR);
    peer.feed('35=5|34=3');
    peer.session.onDisconnect(peer.output, peer.time);
    peer.heard();
    expect(peer.logon('35=A|34=1|98=0|108=0')).toEqual({ accepted: true });
    expect(peer.heard()).toEqual(['35=A|34=1|98=0|108=0']);
  });
});

test('settings change between connections, never within one', () => {
  const peer = new Peer();
  peer.session.configure({ ...peer.profile, timestamp_precision: 'seconds', heartbeat_interval: { min: 5, max: 5 } });
  expect(peer.logon('35=A|34=1|98=0|108=30')).toMatchObject({ accepted: false, refusal: 'heartbeat_interval' });
  expect(peer.logon('35=A|34=1|98=0|108=5')).toEqual({ accepted: true });
  expect(peer.raw()).toMatch(/\|52=20260102-12:00:00\|/);
  expect(() => peer.session.configure({ ...peer.profile })).toThrow(/has a connection/);
});
