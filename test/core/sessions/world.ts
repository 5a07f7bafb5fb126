/** A gate's world in a test: real domain code over the memory adapters, simulated time, a store that can go away. */
import { createExpressions } from '../../../adapters/cel/expressions.ts';
import { fixedMasterKeys } from '../../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../../adapters/kms/vault.ts';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { MemoryTokenLeases } from '../../../adapters/memory/token-leases.ts';
import { createWorld, type MemoryWorld } from '../../../adapters/memory/world.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import type { AdminPorts } from '../../../core/admin.ts';
import { verifyChain } from '../../../core/audit/chain.ts';
import type { AuditRecord } from '../../../core/audit/model.ts';
import { CompiledExpressions } from '../../../core/eligibility/evaluate.ts';
import { utf8 } from '../../../core/encoding.ts';
import { StoreUnavailable } from '../../../core/errors.ts';
import { type GatePorts, openGate } from '../../../core/gate.ts';
import { WAIT } from '../../../core/limits/admission.ts';
import type { Kind } from '../../../core/limits/kinds.ts';
import { ensureDefaults } from '../../../core/policy/defaults.ts';
import type { SessionSlots } from '../../../core/ports.ts';
import { type ProvisionInput, provision } from '../../../core/provisioning.ts';
import {
  DEFAULT_GATE_SETTINGS,
  type Gate,
  type GateEvents,
  type GateSession,
  type GateSettings,
  type LogonRequest,
  type OrdersOf,
} from '../../../core/sessions/api.ts';
import type { EndCause, FixSessionKey } from '../../../core/sessions/model.ts';
import type { Clock, Random, Timer, Timers } from '../../../core/time.ts';

export const START = Date.UTC(2026, 0, 5, 12);
export const ADMIN = { actor: { principal: 'arn:aws:iam::111122223333:user/admin' }, reason: 'a test' };

/** Lets everything run that waits for nothing but its turn. */
export async function settle(turns = 3): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Clock and timers of one edge; the wall clock and the monotonic one move together. */
export class SimTime implements Clock, Timers {
  #ms = 0;
  #due: { at: number; run: () => void; every: number | undefined }[] = [];

  now(): number {
    return START + this.#ms;
  }

  nowNanos(): bigint {
    return BigInt(this.now()) * 1_000_000n;
  }

  monotonic(): number {
    return this.#ms;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add(ms, run, undefined);
  }

  every(ms: number, run: () => void): Timer {
    return this.#add(ms, run, ms);
  }

  /** Time stands for this edge (a stopped process) while others go on: its timers fire late. */
  jump(ms: number): void {
    this.#ms += ms;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms;
    await settle(1);
    for (;;) {
      const next = this.#due.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#ms = Math.max(this.#ms, next.at);
      if (next.every === undefined) this.#due.splice(this.#due.indexOf(next), 1);
      else next.at = this.#ms + next.every;
      next.run();
      await settle(1);
    }
    this.#ms = Math.max(this.#ms, end);
    await settle(1);
  }

  #add(ms: number, run: () => void, every: number | undefined): Timer {
    const one = { at: this.#ms + ms, run, every };
    this.#due.push(one);
    return {
      cancel: () => {
        const index = this.#due.indexOf(one);
        if (index >= 0) this.#due.splice(index, 1);
      },
    };
  }
}

/** Bytes that differ from call to call and are the same in each run. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return {
    bytes: (length) =>
      Uint8Array.from({ length }, () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state & 0xff;
      }),
  };
}

/** How the way to the store is: fine, gone, or so that writes arrive and their replies do not. */
export interface StoreLink {
  state: 'here' | 'away' | 'replies_lost';
}

function overLink<T extends object>(port: T, link: StoreLink): T {
  return new Proxy(port, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (link.state === 'away') throw new StoreUnavailable('the test took the store away');
        const answer: unknown = await Reflect.apply(value, target, args);
        if ((link.state as string) === 'replies_lost') throw new StoreUnavailable('the test lost the reply');
        return answer;
      };
    },
  });
}

export interface EdgeWorld {
  readonly gate: Gate;
  readonly time: SimTime;
  readonly link: StoreLink;
  readonly fenced: number;
  readonly orders: readonly boolean[];
  readonly alarms: readonly string[];
  readonly cancelled: readonly OrdersOf[];
  readonly logged: readonly { readonly level: string; readonly message: string }[];
}

export interface TestWorld {
  readonly world: MemoryWorld;
  readonly admin: AdminPorts;
  readonly time: SimTime;
  edge(edgeId: string, settings?: Partial<GateSettings>, slots?: Partial<SessionSlots>): Promise<EdgeWorld>;
  user(userId: string, input?: Partial<ProvisionInput>): Promise<Account>;
  /** Every record of a chain, having proved that it is whole. */
  chain(name: string): Promise<readonly AuditRecord[]>;
}

export interface Account {
  readonly sender_comp_id: string;
  /** '' when it proves itself otherwise. */
  readonly password: string;
  /** Of an HMAC. */
  readonly secret?: string;
}

const keys = fixedMasterKeys([{ id: 'test', key: new Uint8Array(32).fill(7) }]);
const box = createRawAesSecretBox(keys);
const vault = createRawAesVault(keys);

async function openEdge(
  admin: AdminPorts,
  { leases, signedLogons }: Pick<GatePorts, 'leases' | 'signedLogons'>,
  time: SimTime,
  edgeId: string,
  settings: Partial<GateSettings>,
  slots: Partial<SessionSlots>,
): Promise<EdgeWorld> {
  const link: StoreLink = { state: 'here' };
  const state = { fenced: 0, orders: [] as boolean[], alarms: [] as string[], cancelled: [] as OrdersOf[] };
  const logged: { level: string; message: string }[] = [];
  const write = (level: string) => (_fields: object, message: string) => void logged.push({ level, message });
  const events: GateEvents = {
    onFenced: () => {
      state.fenced += 1;
    },
    onOrders: (allowed) => void state.orders.push(allowed),
    onCancelOrders: (whose) => void state.cancelled.push(whose),
    onBadLogons: (name) => void state.alarms.push(name),
  };
  const ports: GatePorts = {
    ...admin,
    directory: overLink(admin.directory, link),
    policy: overLink(admin.policy, link),
    trail: overLink(admin.trail, link),
    slots: overLink({ ...admin.slots, ...slots }, link),
    edges: overLink(admin.edges, link),
    violations: overLink(admin.violations, link),
    leases: overLink(leases, link),
    signedLogons: overLink(signedLogons, link),
    timers: time,
    log: { info: write('info'), warn: write('warn'), error: write('error') },
  };
  const all = { edge_id: edgeId, ...DEFAULT_GATE_SETTINGS, version: 'test', ...settings };
  const gate = await openGate(ports, all, events);
  return {
    gate,
    time,
    link,
    logged,
    get fenced() {
      return state.fenced;
    },
    orders: state.orders,
    alarms: state.alarms,
    cancelled: state.cancelled,
  };
}

export async function createTestWorld(): Promise<TestWorld> {
  const world = createWorld();
  const stores = createMemoryAdapters(world);
  const leases = new MemoryTokenLeases();
  const time = new SimTime();
  const random = seededRandom(42);
  const expressions = new CompiledExpressions(createExpressions());
  const { audit: trail, signedLogons, ...rest } = stores;
  const admin: AdminPorts = { ...rest, trail, box, vault, digests: nodeDigests, random, clock: time, expressions };
  await ensureDefaults(admin, ADMIN.actor);
  return {
    world,
    admin,
    time,
    edge: (edgeId, settings = {}, slots = {}) =>
      openEdge(admin, { leases, signedLogons }, time, edgeId, settings, slots),
    user: async (userId, input = {}) => {
      const { issued } = await provision(admin, ADMIN, {
        user_id: userId,
        rate_limit_tier: 'standard',
        facts: { account_balance: 5000, trading_volume: 20_000, account_age_days: 90, kyc_level: 3, groups: [] },
        allowed_ips: [],
        additional_credential: false,
        ...input,
      });
      const { sender_comp_id } = issued;
      const password = issued.proof === 'password' ? issued.password.reveal() : '';
      const secret = issued.proof === 'hmac_sha256' ? issued.secret.reveal() : '';
      return { sender_comp_id, password, secret };
    },
    chain: async (name) => {
      const records = world.chains.get(name) ?? [];
      const verdict = await verifyChain(nodeDigests, name, records);
      if (!verdict.whole) throw new Error(`chain ${name} is broken at ${verdict.seq}: ${verdict.text}`);
      return records;
    },
  };
}

export function attempt(
  account: Account,
  more: Partial<LogonRequest> & { readonly password?: string } = {},
): LogonRequest {
  const { password, ...rest } = more;
  return {
    sender_comp_id: account.sender_comp_id,
    target_comp_id: 'GATEWAY',
    proof: { kind: 'password', password: utf8(password ?? account.password) },
    address: '192.0.2.10',
    ...rest,
  };
}

export function keyOf(account: Account, sub = ''): FixSessionKey {
  return {
    begin_string: 'FIX.4.4',
    sender_comp_id: account.sender_comp_id,
    sender_sub_id: sub,
    target_comp_id: 'GATEWAY',
  };
}

export interface Ending {
  readonly cause: EndCause;
  readonly text: string;
}

/** Logs on and registers; `ended` collects what the gate tells the connection. */
export async function connect(edge: EdgeWorld, account: Account, sub = '', supersedes?: string) {
  const ended: Ending[] = [];
  const logon = await edge.gate.validateLogon(attempt(account));
  if (logon.result === 'refused') return { result: logon, ended };
  const onEnd = (cause: EndCause, text: string) => void ended.push({ cause, text });
  const result = await edge.gate.registerSession({ logon, key: keyOf(account, sub), supersedes, onEnd });
  return { result, ended };
}

/** As connect, for tests in which it must succeed. */
export async function live(edge: EdgeWorld, account: Account, sub = '') {
  const { result, ended } = await connect(edge, account, sub);
  if (result.result !== 'registered') throw new Error(`not registered: ${JSON.stringify(result)}`);
  return { session: result.session, ended };
}

/** Sends one message and waits for the word. */
export async function send(time: SimTime, session: GateSession, kind: Kind): Promise<number> {
  const answer = session.admit(kind, time.now());
  if (answer !== WAIT) return answer;
  const decided = new Promise<number>((resolve) => session.onGrant(kind, resolve));
  await time.advance(60);
  return decided;
}
