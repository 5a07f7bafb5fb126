/** An edge whose machine has the wrong time: it says so by itself, and where its figures are read. */
import { match, ok, strictEqual } from 'node:assert';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startTask } from '../edge-task.ts';
import { STACKS } from '../world.ts';
import { expecting, type Stage } from './stage.ts';

const OFF_MS = 2_000;
const SHOWN_WITHIN_MS = 15_000;

export async function skewedClock({ world, admin }: Stage): Promise<void> {
  const { report, cdk, root, emulator, directory } = world;
  await report.step(
    'an edge whose clock is two seconds off is not ready, and its figure says by how much',
    async () => {
      const arn = await cdk.output(STACKS.edge, 'EdgeTask');
      const shim = pathToFileURL(join(import.meta.dirname, 'skewed-clock.mjs')).href;
      const skewed = { NODE_OPTIONS: `--import=${shim}`, FIXGATE_DRILL_CLOCK_MS: String(OFF_MS) };
      const task = await startTask(root, emulator, arn, directory, skewed);
      try {
        const at = `http://127.0.0.1:${task.ready.metrics_port}`;
        let reason: unknown;
        for (const from = performance.now(); reason !== 'clock'; await sleep(250)) {
          ({ reason } = (await (await fetch(`${at}/ready`)).json()) as { reason?: string });
          if (performance.now() - from > SHOWN_WITHIN_MS) throw new Error(`/ready says ${reason ?? 'ready'}`);
        }
        const metrics = await (await fetch(`${at}/metrics`)).text();
        const offset = Number(/^fix_clock_offset_seconds (\S+)$/m.exec(metrics)?.[1]);
        ok(Math.abs(offset - OFF_MS / 1000) < 0.7, `${offset} s`);
        const { edges } = await expecting(200, admin.get('edges'));
        const clocks = (edges as { state: string; clock?: { offset_ms: number } | null }[]).filter(
          ({ state, clock }) => state === 'alive' && Math.abs(clock?.offset_ms ?? 0) > OFF_MS / 2,
        );
        strictEqual(clocks.length, 1, JSON.stringify(edges).slice(0, 500));
        match(metrics, /^fix_clock_error_seconds /m);
      } finally {
        await task.stop();
      }
    },
  );
}
