/**
 * The policy as this process last read it. Live sessions follow it by polling its version; a logon asks for one that is
 * not older than the logon itself, and logons that come together share that read.
 */
import type { Policy, PolicyStore } from '../ports.ts';
import type { Timer, Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { POLICY_POLL_MS } from './bounds.ts';

export class PolicyCache {
  readonly #store: PolicyStore;
  readonly #timers: Timers;
  readonly #log: GateLog;
  readonly #onChange: (policy: Policy, before: Policy | undefined) => void;
  #policy: Policy | undefined;
  #running: Promise<Policy> | undefined;
  #queued: Promise<Policy> | undefined;
  #timer: Timer | undefined;
  #away = false;

  /** @param onChange told of each policy that is read, and the one before: undefined at the first */
  constructor(
    store: PolicyStore,
    timers: Timers,
    log: GateLog,
    onChange: (policy: Policy, before: Policy | undefined) => void,
  ) {
    this.#store = store;
    this.#timers = timers;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** As last read; undefined before the first read. */
  get current(): Policy | undefined {
    return this.#policy;
  }

  start(): void {
    this.#timer ??= this.#timers.every(POLICY_POLL_MS, () => {
      if (!this.#running) void this.#poll();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Looks now, for live sessions. Never rejects. */
  poll(): Promise<void> {
    return this.#poll();
  }

  /** The policy by a look at the store that began after this call. Rejects with StoreUnavailable. */
  fresh(): Promise<Policy> {
    if (!this.#running) return this.#begin();
    // The look under way may have passed a change that was there before this call: the next one counts.
    const next = (): Promise<Policy> => {
      this.#queued = undefined;
      return this.#begin();
    };
    this.#queued ??= this.#running.then(next, next);
    return this.#queued;
  }

  #begin(): Promise<Policy> {
    const running = this.#look().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #look(): Promise<Policy> {
    const known = this.#policy;
    if (known && (await this.#store.version()) === known.version) return known;
    const policy = await this.#store.read();
    this.#policy = policy;
    this.#onChange(policy, known);
    return policy;
  }

  async #poll(): Promise<void> {
    try {
      await this.fresh();
      this.#away = false;
    } catch (error) {
      if (!this.#away)
        this.#log.warn({ error }, 'the policy cannot be read; the one read last stands for live sessions');
      this.#away = true;
    }
  }
}
