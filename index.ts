/**
 * The gate as a library, for firms that keep their own Node gateway: credentials, eligibility, limits, exact session
 * counts, kills and the audit trail, without our FIX engine. docs/INTEGRATION.md shows a gateway.
 */
import { createExpressions } from './adapters/cel/expressions.ts';
import { type Environment, environmentAdapters } from './adapters/environment.ts';
import { fixedMasterKeys } from './adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from './adapters/kms/secret-box.ts';
import { createRawAesVault } from './adapters/kms/vault.ts';
import { createMemoryAdapters } from './adapters/memory/stores.ts';
import { MemoryTokenLeases } from './adapters/memory/token-leases.ts';
import { systemClock } from './adapters/node/clock.ts';
import { nodeDigests } from './adapters/node/digests.ts';
import { systemRandom } from './adapters/node/random.ts';
import { systemTimers } from './adapters/node/timers.ts';
import type { Stores } from './adapters/stores.ts';
import type { AdminPorts } from './core/admin.ts';
import type { LogonProof } from './core/credentials/signed.ts';
import { CompiledExpressions } from './core/eligibility/evaluate.ts';
import { utf8 } from './core/encoding.ts';
import { type GatePorts, openGate } from './core/gate.ts';
import type { TokenLeases } from './core/limits/leases-port.ts';
import type { LimitClass } from './core/limits/model.ts';
import { ensureDefaults } from './core/policy/defaults.ts';
import type { SecretBox, SecretVault } from './core/ports.ts';
import { type Provisioned, type ProvisionInput, provision } from './core/provisioning.ts';
import {
  DEFAULT_GATE_SETTINGS,
  type Gate,
  type GateEvents,
  type GateLog,
  type GateSession,
  type GateSettings,
  type LimitState,
  type LogonAccepted,
  type LogonRefused,
  type LogonResult,
  type OnEnd,
  type RegisterResult,
  type TrackResult,
} from './core/sessions/api.ts';
import type { EndCause, FixSessionKey, LiveSession } from './core/sessions/model.ts';

export { FixgateError, StoreUnavailable } from './core/errors.ts';
export type {
  EndCause,
  FixSessionKey,
  Gate,
  GateEvents,
  GateLog,
  GateSession,
  LimitClass,
  LimitState,
  LiveSession,
  LogonAccepted,
  LogonProof,
  LogonRefused,
  LogonResult,
  OnEnd,
  Provisioned,
  ProvisionInput,
  RegisterResult,
  TrackResult,
};

/** Where the gate keeps its state. */
export interface GateStores {
  readonly stores: Stores;
  readonly leases: TokenLeases;
  readonly box: SecretBox;
  readonly vault: SecretVault;
}

export interface CreateGateOptions extends Partial<Omit<GateSettings, 'edge_id'>> {
  /** Names this process among all gateways; the same over restarts. Two live ones of one name fence each other. */
  readonly edge_id: string;
  /** `dynamodbStores(process.env)` or `memoryStores()`. */
  readonly stores: GateStores;
  readonly events?: GateEvents;
  readonly log?: GateLog;
}

export interface LogonOptions {
  /** Compared with the credential's when given: 56 of FIX. */
  readonly target_comp_id?: string | undefined;
  /** 553 of FIX. */
  readonly username?: string | undefined;
  /** SHA-256 of the client's certificate, verified by the gateway's own TLS: 64 lower-case hex digits. */
  readonly certificate?: string | undefined;
}

export interface SessionOptions {
  /** Parts of the key beside SenderCompID: sessions of one credential differ in them. */
  readonly key?: Partial<Omit<FixSessionKey, 'sender_comp_id'>>;
  /** Session to be taken over, as a `held` answer named it. */
  readonly supersedes?: string;
}

/** The gate with the arguments that a gateway has at hand. */
export interface FixGate {
  /** The gate with all it can do. */
  readonly gate: Gate;
  /**
   * Never rejects: a store that is away is a refusal. `proof` is the password, bytes when the caller wants to wipe them; or
   * RawData (96) of a FIX Logon with the fields that it may sign.
   */
  validateLogon(
    senderCompId: string,
    proof: string | Uint8Array | LogonProof,
    address: string,
    options?: LogonOptions,
  ): Promise<LogonResult>;
  /** `onEnd` is called when the session must end (a kill, an expiry, …): say so to the client and close. */
  registerSession(logon: LogonAccepted, onEnd: OnEnd, options?: SessionOptions): Promise<RegisterResult>;
  /** Await it before the next message of the session; a promise only while tokens are being fetched (≤ 50 ms). */
  trackMessage(userId: string, sessionId: string, isOrder: boolean | LimitClass): TrackResult | Promise<TrackResult>;
  unregisterSession(sessionId: string, cause?: EndCause, text?: string): Promise<void>;
  /** Live sessions of the user on all gateways. */
  userSessions(userId: string): Promise<readonly LiveSession[]>;
  /** An audited change under the given principal, in force at once. Rejects with FixgateError: user_not_found, tier_not_found, busy. */
  updateUserTier(userId: string, tier: string, principal?: string, reason?: string): Promise<void>;
  /** As the admin API's provision, for firms without it. Rejects with FixgateError. */
  provision(input: ProvisionInput, principal: string, reason?: string): Promise<Provisioned>;
  /** Ends every session, flushes the audit trail and leaves. */
  stop(): Promise<void>;
}

/** All state in this process, under keys that end with it: for trying things out, and for tests. */
export function memoryStores(): GateStores {
  const keys = fixedMasterKeys([{ id: 'memory', key: systemRandom.bytes(32) }]);
  return {
    stores: createMemoryAdapters(),
    leases: new MemoryTokenLeases(),
    box: createRawAesSecretBox(keys),
    vault: createRawAesVault(keys),
  };
}

/** The tables that the admin API uses; adapters/environment.ts says which variables name them. */
export function dynamodbStores(env: Environment): GateStores {
  return environmentAdapters(env);
}

/** The gate that the functions below speak to: the one created last. */
let current: FixGate | undefined;

/**
 * Registers this process as an edge and starts its heartbeat. An edge that others have declared dead (it was stopped,
 * or cut off) has ended its sessions and joins anew by itself. Rejects with StoreUnavailable.
 */
export async function createGate(options: CreateGateOptions): Promise<FixGate> {
  const { stores, events = {}, log, ...settings } = options;
  const { audit, signedLogons, ...rest } = stores.stores;
  const admin: AdminPorts = {
    ...rest,
    trail: audit,
    box: stores.box,
    vault: stores.vault,
    digests: nodeDigests,
    random: systemRandom,
    clock: systemClock,
    expressions: new CompiledExpressions(createExpressions()),
  };
  const { leases } = stores;
  const ports: GatePorts = { ...admin, signedLogons, leases, timers: systemTimers, ...(log ? { log } : {}) };
  const principal = `gateway:${settings.edge_id}`;
  await ensureDefaults(admin, { principal });
  const onFenced: GateEvents['onFenced'] = (identity) => {
    events.onFenced?.(identity);
    void rejoin(gate, log);
  };
  const gate = await openGate(ports, { ...DEFAULT_GATE_SETTINGS, ...settings }, { ...events, onFenced });
  current = facade(gate, admin, principal);
  return current;
}

function proofOf(proof: string | Uint8Array | LogonProof): LogonProof {
  if (typeof proof === 'string') return { kind: 'password', password: utf8(proof) };
  return proof instanceof Uint8Array ? { kind: 'password', password: proof } : proof;
}

function facade(gate: Gate, admin: AdminPorts, ownPrincipal: string): FixGate {
  return {
    gate,
    validateLogon: (sender_comp_id, proof, address, options = {}) =>
      gate.validateLogon({
        sender_comp_id,
        proof: proofOf(proof),
        address,
        ...options,
      }),
    registerSession: (logon, onEnd, options = {}) => {
      const { sender_comp_id, target_comp_id } = logon.credential;
      const key = { begin_string: '', sender_sub_id: '', target_comp_id, ...options.key, sender_comp_id };
      return gate.registerSession({ logon, key, onEnd, supersedes: options.supersedes });
    },
    trackMessage: (userId, sessionId, isOrder) => gate.trackMessage(userId, sessionId, isOrder),
    unregisterSession: (sessionId, cause = 'disconnect', text) => gate.unregisterSession(sessionId, cause, text),
    userSessions: (userId) => gate.userSessions(userId),
    updateUserTier: (userId, tier, principal = ownPrincipal, reason) =>
      gate.updateUserTier(userId, tier, { principal }, reason),
    provision: (input, principal, reason) => provision(admin, { actor: { principal }, reason }, input),
    stop: () => gate.stop(),
  };
}

const REJOIN_AFTER_MS = 1_000;

/** Tries until the store answers, or the gate is stopped. */
async function rejoin(gate: Gate, log: GateLog | undefined): Promise<void> {
  try {
    await gate.rejoin();
  } catch (error) {
    log?.warn({ error }, 'could not join again yet');
    systemTimers.after(REJOIN_AFTER_MS, () => void rejoin(gate, log));
  }
}

function created(): FixGate {
  if (!current) throw new Error('call createGate first');
  return current;
}

/** As {@link FixGate.validateLogon}, of the gate created last. */
export const validateLogon: FixGate['validateLogon'] = (...args) => created().validateLogon(...args);
/** As {@link FixGate.registerSession}, of the gate created last. */
export const registerSession: FixGate['registerSession'] = (...args) => created().registerSession(...args);
/** As {@link FixGate.trackMessage}, of the gate created last. */
export const trackMessage: FixGate['trackMessage'] = (...args) => created().trackMessage(...args);
/** As {@link FixGate.unregisterSession}, of the gate created last. */
export const unregisterSession: FixGate['unregisterSession'] = (...args) => created().unregisterSession(...args);
/** As {@link FixGate.userSessions}, of the gate created last. */
export const userSessions: FixGate['userSessions'] = (...args) => created().userSessions(...args);
/** As {@link FixGate.updateUserTier}, of the gate created last. */
export const updateUserTier: FixGate['updateUserTier'] = (...args) => created().updateUserTier(...args);
