/**
 * Counts bad logons (wrong proof or unknown name, nothing else), and refuses further ones for a while after too many. They are
 * counted by address and SenderCompID together, and by address alone where addresses are real. A pair that has logged on
 * before is always verified: a stranger behind the same address cannot lock the client out.
 */
import { BAD_LOGON_ALARM, BAD_LOGON_KEYS, BAD_LOGON_PENALTY_MS, BAD_LOGON_WINDOW_MS, KNOWN_PAIRS } from './bounds.ts';

/** A Map that forgets the entry used longest ago. */
export class LeastRecent<V> {
  readonly #entries = new Map<string, V>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Also makes it the most recent. */
  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#capacity) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
  }
}

/** Instants of the last bad logons, at most `limit` of them, and until when the key is refused. */
interface Tally {
  readonly at: number[];
  refusedUntil: number;
}

interface Alarm {
  from: number;
  count: number;
}

export interface BadLogonSettings {
  /** 0: nothing is counted or refused; the alarm for one name still works. */
  readonly limit: number;
  readonly realAddresses: boolean;
  readonly onAlarm: (senderCompId: string, count: number) => void;
}

/** Loopback is shared by everything on the machine (a proxy, a test): it says nothing about who is behind it. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

export class BadLogons {
  readonly #settings: BadLogonSettings;
  readonly #tallies = new LeastRecent<Tally>(BAD_LOGON_KEYS);
  readonly #known = new LeastRecent<true>(KNOWN_PAIRS);
  readonly #alarms = new LeastRecent<Alarm>(BAD_LOGON_KEYS);

  constructor(settings: BadLogonSettings) {
    this.#settings = settings;
  }

  /** Whether this attempt is to be refused without looking at it. @param now monotonic ms */
  refuses(address: string, senderCompId: string, now: number): boolean {
    if (this.#settings.limit === 0 || this.#known.get(pairKey(address, senderCompId)) !== undefined) return false;
    return this.#keys(address, senderCompId).some((key) => now < (this.#tallies.get(key)?.refusedUntil ?? 0));
  }

  /** Notes a wrong proof or an unknown name. @param now monotonic ms */
  bad(address: string, senderCompId: string, now: number): void {
    this.#countForAlarm(senderCompId, now);
    const { limit } = this.#settings;
    if (limit === 0) return;
    for (const key of this.#keys(address, senderCompId)) {
      const tally = this.#tallies.get(key) ?? { at: [], refusedUntil: 0 };
      while (tally.at.length > 0 && tally.at[0]! <= now - BAD_LOGON_WINDOW_MS) tally.at.shift();
      tally.at.push(now);
      if (tally.at.length >= limit) {
        tally.refusedUntil = now + BAD_LOGON_PENALTY_MS;
        tally.at.length = 0;
      }
      this.#tallies.set(key, tally);
    }
  }

  /** Notes that the pair has proved itself. */
  good(address: string, senderCompId: string): void {
    this.#known.set(pairKey(address, senderCompId), true);
  }

  /** Number of keys remembered; bounded. */
  get size(): number {
    return this.#tallies.size + this.#known.size + this.#alarms.size;
  }

  #keys(address: string, senderCompId: string): string[] {
    const keys = [pairKey(address, senderCompId)];
    if (this.#settings.realAddresses && !isLoopback(address)) keys.push(`a ${address}`);
    return keys;
  }

  #countForAlarm(senderCompId: string, now: number): void {
    const alarm = this.#alarms.get(senderCompId);
    if (alarm === undefined || now >= alarm.from + BAD_LOGON_WINDOW_MS) {
      this.#alarms.set(senderCompId, { from: now, count: 1 });
      return;
    }
    alarm.count += 1;
    if (alarm.count === BAD_LOGON_ALARM) this.#settings.onAlarm(senderCompId, alarm.count);
  }
}

/** An address contains no blank, so no two pairs share a key. */
function pairKey(address: string, senderCompId: string): string {
  return `p ${address} ${senderCompId}`;
}
