/** An edge in the test's own process: the whole of it over memory adapters, real sockets, ports of the system's choice. */
import { createExpressions } from '../../../adapters/cel/expressions.ts';
import { fixedMasterKeys } from '../../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../../adapters/kms/vault.ts';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { MemoryTokenLeases } from '../../../adapters/memory/token-leases.ts';
import { createWorld, type MemoryWorld } from '../../../adapters/memory/world.ts';
import { systemClock } from '../../../adapters/node/clock.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { systemRandom } from '../../../adapters/node/random.ts';
import { systemTimers } from '../../../adapters/node/timers.ts';
import type { AdminPorts } from '../../../core/admin.ts';
import type { AuditRecord } from '../../../core/audit/model.ts';
import type { Issued } from '../../../core/credentials/issue.ts';
import { CompiledExpressions } from '../../../core/eligibility/evaluate.ts';
import { StoreUnavailable } from '../../../core/errors.ts';
import type { TokenLeases } from '../../../core/limits/leases-port.ts';
import { ensureDefaults } from '../../../core/policy/defaults.ts';
import type { SignedLogons } from '../../../core/ports.ts';
import { type ProvisionInput, provision } from '../../../core/provisioning.ts';
import { ClockWatch } from '../../../core/sessions/clock-watch.ts';
import type { JournalStore } from '../../../core/sessions/journal-store.ts';
import type { Clock } from '../../../core/time.ts';
import { readConfig } from '../../../edge/config.ts';
import { type Edge, startEdge } from '../../../edge/edge.ts';
import type { Journal } from '../../../edge/journal/journal.ts';
import { openMemoryJournal } from '../../../edge/journal/memory.ts';
import { createLogger } from '../../../edge/log.ts';
import { Metrics } from '../../../edge/metrics.ts';
import type { EdgeParts } from '../../../edge/parts.ts';
import type { Venue, VenueSink } from '../../../edge/venue/venue.ts';
import { FixClient, type FixClientOptions } from '../../../local/fix-client.ts';
import { TestEcho } from './echo.ts';

export { until } from '../../support/until.ts';

export const ACTOR = { actor: { principal: 'arn:aws:iam::111122223333:user/admin' }, reason: 'a test' };

export interface Account {
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  /** '' when it proves itself otherwise. */
  readonly password: string;
  /** Of an HMAC. */
  readonly secret: string;
}

export function accountOf(issued: Issued): Account {
  const { sender_comp_id, target_comp_id } = issued;
  const password = issued.proof === 'password' ? issued.password.reveal() : '';
  const secret = issued.proof === 'hmac_sha256' ? issued.secret.reveal() : '';
  return { sender_comp_id, target_comp_id, password, secret };
}

export interface DeskOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly venue?: (sink: VenueSink) => Venue | Promise<Venue>;
  readonly journal?: EdgeParts['journal'];
  readonly openEstate?: NonNullable<EdgeParts['openEstate']>;
  readonly leases?: TokenLeases;
  readonly clockWatch?: ClockWatch;
  /** The edge's own. */
  readonly clock?: Clock;
  /** This edge's way to the store, in place of the one that all have. */
  readonly link?: { readonly cut: boolean };
  readonly bounds?: NonNullable<EdgeParts['bounds']>;
}

/** The port, over a way that `link` can cut. */
export function over<T extends object>(port: T, link: { readonly cut: boolean }): T {
  return new Proxy(port, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (link.cut) throw new StoreUnavailable('the test took the store away');
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** What outlives an edge: the store and the users in it. */
export class TestHouse {
  readonly world: MemoryWorld = createWorld();
  readonly admin: AdminPorts;
  readonly leases: TokenLeases;
  readonly signedLogons: SignedLogons;
  readonly journals: JournalStore;
  readonly journal: Journal;
  /** Cut: the edge's way to the store is gone; the admin's is not. */
  readonly link = { cut: false };
  readonly #edges: Edge[] = [];
  readonly #clients: FixClient[] = [];

  constructor(options: Pick<DeskOptions, 'leases'> & { readonly journal?: Journal } = {}) {
    const { audit, signedLogons, journals, ...stores } = createMemoryAdapters(this.world);
    this.signedLogons = signedLogons;
    this.journals = journals;
    const keys = fixedMasterKeys([{ id: 'test', key: new Uint8Array(32).fill(7) }]);
    this.leases = options.leases ?? new MemoryTokenLeases();
    // It outlives the edges that are opened over it.
    this.journal = Object.assign(options.journal ?? openMemoryJournal({ now: Date.now }), { close: async () => {} });
    this.admin = {
      ...stores,
      trail: audit,
      box: createRawAesSecretBox(keys),
      vault: createRawAesVault(keys),
      digests: nodeDigests,
      random: systemRandom,
      clock: systemClock,
      expressions: new CompiledExpressions(createExpressions()),
    };
  }

  async open(options: DeskOptions = {}): Promise<Edge> {
    await ensureDefaults(this.admin, ACTOR.actor);
    const config = readConfig({
      FIXGATE_EDGE_ID: 'test-1',
      FIXGATE_FIX_HOST: '127.0.0.1',
      FIXGATE_FIX_PORT: '0',
      FIXGATE_METRICS_HOST: '127.0.0.1',
      FIXGATE_METRICS_PORT: '0',
      FIXGATE_LOG_LEVEL: 'error',
      ...options.env,
    });
    const { link = this.link, clock = systemClock } = options;
    const edge = await startEdge({
      config,
      gate: {
        ...this.#ports(link),
        clock,
        leases: over(this.leases, link),
        signedLogons: over(this.signedLogons, link),
        timers: systemTimers,
      },
      clockWatch: options.clockWatch ?? new ClockWatch(systemClock),
      clock,
      timers: systemTimers,
      journal: options.journal ?? this.journal,
      journals: over(this.journals, link),
      ...(options.openEstate === undefined ? {} : { openEstate: options.openEstate }),
      ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
      venue: options.venue ?? ((sink) => new TestEcho(sink)),
      metrics: new Metrics(),
      log: createLogger(config.log_level, config.edge_id),
    });
    this.#edges.push(edge);
    return edge;
  }

  /** The same at a venue that the test has in hand. */
  async openEcho(options: Omit<DeskOptions, 'venue'> = {}): Promise<{ edge: Edge; venue: TestEcho }> {
    let venue: TestEcho | undefined;
    const edge = await this.open({
      ...options,
      venue: (sink) => {
        venue = new TestEcho(sink);
        return venue;
      },
    });
    return { edge, venue: venue! };
  }

  #ports(link: { readonly cut: boolean }): AdminPorts {
    const { directory, policy, trail, slots, edges, violations, ...rest } = this.admin;
    const ports = { directory, policy, trail, slots, edges, violations };
    const cut = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, over(port, link)]));
    return { ...rest, ...(cut as typeof ports) };
  }

  async user(userId: string, input: Partial<ProvisionInput> = {}): Promise<Account> {
    await ensureDefaults(this.admin, ACTOR.actor);
    const { issued } = await provision(this.admin, ACTOR, {
      user_id: userId,
      rate_limit_tier: 'unlimited',
      facts: { account_balance: 50_000, trading_volume: 500_000, account_age_days: 400, kyc_level: 3, groups: [] },
      allowed_ips: [],
      additional_credential: false,
      ...input,
    });
    return accountOf(issued);
  }

  client(edge: Edge, account: Account, options: Partial<FixClientOptions> = {}): FixClient {
    const { sender_comp_id: sender, target_comp_id: target } = account;
    const client = new FixClient({ host: '127.0.0.1', port: edge.fixPort, sender, target, ...options });
    this.#clients.push(client);
    return client;
  }

  /** Records of a type, over all chains, oldest first. */
  records(type: AuditRecord['type']): AuditRecord[] {
    return [...this.world.chains.values()].flat().filter((record) => record.type === type);
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.destroy();
    await Promise.all(this.#edges.splice(0).map((edge) => edge.drain(true)));
  }
}
