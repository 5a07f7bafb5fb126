/**
 * An edge over stores in memory, a process of its own: everything but the store as it is in production, gate, proofs,
 * limiter, audit and file journal. It begins with so many users, and tells what they log on with.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createExpressions } from '../adapters/cel/expressions.ts';
import { fixedMasterKeys } from '../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../adapters/kms/vault.ts';
import { createMemoryAdapters } from '../adapters/memory/stores.ts';
import { MemoryTokenLeases } from '../adapters/memory/token-leases.ts';
import { systemClock } from '../adapters/node/clock.ts';
import { nodeDigests } from '../adapters/node/digests.ts';
import { systemRandom } from '../adapters/node/random.ts';
import { systemTimers } from '../adapters/node/timers.ts';
import type { Stores } from '../adapters/stores.ts';
import type { AdminPorts } from '../core/admin.ts';
import { CompiledExpressions } from '../core/eligibility/evaluate.ts';
import { putTier } from '../core/policy/tiers.ts';
import { provision } from '../core/provisioning.ts';
import { ClockWatch } from '../core/sessions/clock-watch.ts';
import { readConfig } from '../edge/config.ts';
import { startEdge } from '../edge/edge.ts';
import { Archive } from '../edge/journal/archive.ts';
import { createLogger } from '../edge/log.ts';
import { Metrics } from '../edge/metrics.ts';
import { journalOf } from '../edge/open-journal.ts';
import { openVenue } from '../edge/venue/index.ts';
import { ELIGIBLE } from '../local/product.ts';
import type { CrowdMember } from './crowd-process.ts';
import type { MemoryEdgeSaid } from './memory-edge-process.ts';
import { BENCH_TIER } from './stage.ts';

/** The same stores, each answer in a later turn of the event loop, as whatever is asked over a socket gives it. */
function breathing(stores: Stores): Stores {
  const slow = (port: object): object =>
    new Proxy(port, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]): Promise<unknown> => {
          await nextTurn();
          return Reflect.apply(value, target, args);
        };
      },
    });
  return Object.fromEntries(
    Object.entries(stores).map(([name, port]) => [name, slow(port as object)]),
  ) as unknown as Stores;
}

const CONTEXT = { actor: { principal: 'bench' } };

async function users(ports: AdminPorts, count: number): Promise<readonly CrowdMember[]> {
  await putTier(ports, CONTEXT, BENCH_TIER);
  const members: CrowdMember[] = [];
  for (let i = 0; i < count; i++) {
    const { issued } = await provision(ports, CONTEXT, {
      user_id: `crowd-${i}`,
      rate_limit_tier: BENCH_TIER.name,
      facts: ELIGIBLE,
      allowed_ips: [],
      additional_credential: false,
    });
    if (issued.proof !== 'password') throw new Error(`a password was asked for, not ${issued.proof}`);
    const { sender_comp_id: sender, target_comp_id: target, password } = issued;
    // As whoever comes back: only the first Logon of a credential ever is noted in its row.
    const found = await ports.directory.credential(sender);
    if (found === undefined || !(await ports.directory.noteLogon(found.credential, ports.clock.now(), 1)))
      throw new Error(`${sender} has changed`);
    members.push({ sender, target, password: password.reveal() });
  }
  return members;
}

const [count = '', directory = ''] = process.argv.slice(2);
const world = breathing(createMemoryAdapters());
const keys = fixedMasterKeys([{ id: 'bench', key: systemRandom.bytes(32) }]);
const box = createRawAesSecretBox(keys);
const { audit, journals, ...rest } = world;
const gate = {
  ...rest,
  trail: audit,
  leases: new MemoryTokenLeases(),
  box,
  vault: createRawAesVault(keys),
  digests: nodeDigests,
  random: systemRandom,
  clock: systemClock,
  timers: systemTimers,
  expressions: new CompiledExpressions(createExpressions()),
};
const members = await users(gate, Number(count));
const config = readConfig({
  FIXGATE_EDGE_ID: 'bench',
  FIXGATE_FIX_HOST: '127.0.0.1',
  FIXGATE_FIX_PORT: '0',
  FIXGATE_METRICS_HOST: '127.0.0.1',
  FIXGATE_METRICS_PORT: '0',
  FIXGATE_DATA_DIR: directory,
  FIXGATE_LOG_LEVEL: 'error',
});
const log = createLogger(config.log_level, config.edge_id);
const fail = (error: Error): void => {
  log.fatal({ error }, 'the edge ends');
  process.exit(1);
};
const archive = new Archive({ directory: `${directory}/archive`, log });
const edge = await startEdge({
  config,
  gate,
  onLost: fail,
  clockWatch: new ClockWatch(systemClock),
  clock: systemClock,
  timers: systemTimers,
  journal: await journalOf({ config, box, store: journals, archive, log, onLost: fail }),
  archive,
  journals,
  venue: (sink) =>
    openVenue('simulator', { sink, seed: 1, now: systemClock.now(), directory: `${directory}/venue`, warn: () => {} }),
  metrics: new Metrics(),
  log,
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({
    type: 'used',
    seconds: (user + system) / 1e6,
    bytes: process.memoryUsage.rss(),
  } satisfies MemoryEdgeSaid);
});
process.on('disconnect', () => void edge.drain(true).then(() => process.exit(0)));
process.send?.({ type: 'ready', port: edge.fixPort, members } satisfies MemoryEdgeSaid);
