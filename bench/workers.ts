/** How throughput grows with workers: clients side by side on one port, against an edge of one process and of several. */
import { availableParallelism } from 'node:os';
import type { Credentials } from '../local/product.ts';
import { type Figure, figure, median } from './figures.ts';
import { type LoadClient, openLoadClient } from './load.ts';
import type { Sizes } from './sizes.ts';
import { onStage } from './stage.ts';

/** So many that each worker has some: the system spreads connections by chance. */
const CLIENTS = 8;

/** Orders a second of all clients together, each counted from its Logon on: a Logon at another worker brings its session there. */
async function together(load: LoadClient, port: number, users: readonly Credentials[], sizes: Sizes): Promise<number> {
  const count = Math.ceil(sizes.orders / 2);
  const window = Math.ceil(sizes.window / CLIENTS);
  const results = await Promise.all(
    users.map(({ sender_comp_id: sender, target_comp_id: target, password }) =>
      load.run({ port, sender, target, password, order: 'rests', count, window }),
    ),
  );
  return results.reduce((sum, { per_s }) => sum + per_s, 0);
}

async function throughput(workers: number, load: LoadClient, sizes: Sizes): Promise<number> {
  return onStage(['--venue', 'echo', '--workers', String(workers)], async ({ product, user }) => {
    const users: Credentials[] = [];
    for (let n = 1; n <= CLIENTS; n++) users.push(await user(`client-${n}`));
    const { fix_port } = product.local;
    await together(load, fix_port, users, sizes);
    const all: number[] = [];
    for (let run = 0; run < sizes.runs; run++) all.push(await together(load, fix_port, users, sizes));
    return median(all);
  });
}

export async function scaling(sizes: Sizes): Promise<Figure[]> {
  const load = openLoadClient(sizes.load_client, 'rests');
  try {
    const cores = availableParallelism();
    const one = await throughput(1, load, sizes);
    const several = await throughput(Math.max(2, cores), load, sizes);
    const settings = `${CLIENTS} × ${load.name} on the same ${cores} cores, ${Math.ceil(sizes.orders / 2)} orders each, from the Logon on; echo, file journal`;
    return [figure(`workers: echo by ${Math.max(2, cores)}`, several, 'orders/s', ['one worker', one], settings)];
  } finally {
    load.close();
  }
}
