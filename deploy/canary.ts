/** The deployed canary, pointed at the edge that runs here: the name that it would ask for resolves inside a VPC only. */
import { deepStrictEqual, match, ok } from 'node:assert';
import type { RunningTask } from './edge-task.ts';
import { STACKS, type World } from './world.ts';

export async function tryCanary({ report, cdk, root }: World, task: RunningTask): Promise<void> {
  await report.step('the canary logs on to the edge, and tells when it cannot', async () => {
    const name = await cdk.output(STACKS.monitoring, 'CanaryName');
    const at = (port: number) =>
      root.setVariables(name, { FIXGATE_CANARY_HOST: '127.0.0.1', FIXGATE_CANARY_PORT: String(port) });
    await at(task.ready.fix_port);
    const { slowest_ms, ...rest } = await root.invoke(name, {});
    deepStrictEqual(rest, { edges: 1, failures: [] });
    ok(slowest_ms > 0 && slowest_ms < 5000, `${slowest_ms} ms`);
    await at(9);
    const { failures } = await root.invoke(name, {});
    match(String(failures), /127\.0\.0\.1: .*ECONNREFUSED/);
  });
}
