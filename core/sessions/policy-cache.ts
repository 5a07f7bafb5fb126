/**
 * The policy as this process last read it. Live sessions follow it by polling its version; a logon asks for one that is
 * not older than the logon itself, and logons that come together share that read.
 */
import type { Override } from '../eligibility/model.ts';
import type { Policy, PolicyStore } from '../ports.ts';
import type { Timer, Timers } from '../time.ts';
import type { GateLog } from './api.ts';
import { OVERRIDES_KEPT, POLICY_POLL_MS } from './bounds.ts';

export class PolicyCache {
  readonly #store: PolicyStore;
  readonly #timers: Timers;
  readonly #log: GateLog;
  readonly #onChange: (policy: Policy, before: Policy | undefined) => void;
  #policy: Policy | undefined;
  /** What was read of users since a policy of this version was: an override that changes makes another version. */
  #overrides: { readonly version: number; readonly ofUser: Map<string, readonly Override[]> } | undefined;
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

  /** What admins have decided for this user about the rules that are on, not older than this policy. Rejects with StoreUnavailable. */
  async overrides(userId: string, { version, rules }: Policy): Promise<readonly Override[]> {
    if (this.#overrides === undefined || this.#overrides.version < version)
      this.#overrides = { version, ofUser: new Map() };
    const kept = this.#overrides;
    const known = kept.version === version ? kept.ofUser.get(userId) : undefined;
    if (known !== undefined) return known;
    const read = await this.#store.overrides(
      userId,
      rules.flatMap((rule) => (rule.enabled ? [rule.id] : [])),
    );
    // Of a policy that has been overtaken nothing is kept: what was read may be of either.
    if (kept.version === version && kept.ofUser.size < OVERRIDES_KEPT) kept.ofUser.set(userId, read);
    return read;
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
