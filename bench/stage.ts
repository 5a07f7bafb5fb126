/** The product for a benchmark: started in a directory of its own, with a tier that limits nobody, gone afterwards. */
import { type Credentials, type Product, startProduct } from '../local/product.ts';
import type { Target } from './floor-process.ts';
import { makeScratch, removeScratch } from './scratch.ts';

/** The limiter is on, and has nothing to refuse. */
export const BENCH_TIER = {
  name: 'bench',
  orders_per_second: 1e9,
  messages_per_second: 1e9,
  burst: 1e9,
  max_sessions: 1000,
} as const;

export interface Stage {
  readonly product: Product;
  /** A user of the benchmarks' tier. */
  user(name: string): Promise<Credentials>;
}

/** Starts the product, lets `work` measure, stops it. @param args of `npm start` @param env settings that have no flag */
export async function onStage<T>(
  args: readonly string[],
  work: (stage: Stage) => Promise<T>,
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  const directory = makeScratch();
  try {
    const product = await startProduct(directory, ['--log-level', 'warn', ...args], env);
    try {
      const put = await product.admin.post('rate-limits/tiers/put', BENCH_TIER);
      if (put.status !== 200) throw new Error(`tiers/put answered ${put.status} ${JSON.stringify(put.body)}`);
      return await work({
        product,
        user: (name) => product.provision(name, { rate_limit_tier: BENCH_TIER.name }),
      });
    } finally {
      await product.stop();
    }
  } finally {
    removeScratch(directory);
  }
}

/** A figure of an edge's metrics. Rejects when it does not tell it. */
export async function metricOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const found = new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`the metrics do not tell ${name}`);
  return Number(found);
}

/** Processor time of an edge's process so far, s. */
export const cpuOf = (url: string): Promise<number> => metricOf(url, 'process_cpu_seconds_total');

/** The edge as a target: its processor time and memory are what it tells in its metrics. */
export function edgeOf({ product }: Stage): Target {
  const { fix_port: port, metrics_url } = product.local;
  return {
    port,
    cpu: () => cpuOf(metrics_url),
    memory: () => metricOf(metrics_url, 'process_resident_memory_bytes'),
  };
}
