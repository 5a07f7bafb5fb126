/** Ways to deploy the edge, each with what stands before it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminTarget } from '../local/admin-client.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { tryCanary } from './canary.ts';
import type { CdkContext } from './cdk.ts';
import { tryHealth } from './doors.ts';
import { type RunningTask, startTask } from './edge-task.ts';
import { CountingClient } from './operations.ts';
import { play, type Stage } from './story.ts';
import { STACKS, type World } from './world.ts';

export interface Variant {
  readonly name: string;
  readonly title: string;
  context(world: World): Promise<CdkContext>;
  readonly proxyProtocol: boolean;
  /** Whether clients speak TLS to the edge. */
  readonly tls: boolean;
}

/** PROXY v2 from the balancer, TLS passed through to the edge, whose certificate is in Secrets Manager. */
export const BEHIND_BALANCER: Variant = {
  name: 'balancer',
  title: 'PROXY v2 and TLS in the container',
  proxyProtocol: true,
  tls: true,
  async context({ root, directory }) {
    const [cert, key] = ['server.crt', 'server.key'].map((name) => readFileSync(join(directory, 'tls', name), 'utf8'));
    const SecretString = JSON.stringify({ cert, key });
    const { ARN } = await root.json('secretsmanager', 'secretsmanager.CreateSecret', { Name: 'fix-tls', SecretString });
    return { fixTls: 'container', fixTlsSecretArn: ARN };
  },
};

export const PLAIN: Variant = {
  name: 'plain',
  title: '-c proxyProtocol=off -c fixTls=off',
  proxyProtocol: false,
  tls: false,
  context: async () => ({ proxyProtocol: 'off', fixTls: 'off' }),
};

/** Deploys a variant. @returns its assembly */
export async function deployVariant(world: World, variant: Variant): Promise<string> {
  const { cdk, report } = world;
  const context = await variant.context(world);
  const assembly = await report.step(`cdk synth: ${variant.title}`, () => cdk.synth(`asm-${variant.name}`, context));
  await report.step('cdk deploy', () => cdk.deploy(assembly));
  return assembly;
}

export interface Running {
  readonly task: RunningTask;
  readonly balancer: Balancer;
  stop(): Promise<void>;
}

/** The deployed edge and what stands before it. */
export async function startVariant(world: World, variant: Variant): Promise<Running> {
  const { cdk, root, emulator, directory } = world;
  const arn = await cdk.output(STACKS.edge, 'EdgeTask');
  const task = await startTask(root, emulator, arn, directory);
  const balancer = await startBalancer({
    target: task.ready.fix_port,
    proxyProtocol: variant.proxyProtocol,
    // Where nothing is passed through, both kinds of clients are served: those that speak TLS, as to a listener of that kind.
    ...(variant.tls
      ? {}
      : { tls: { cert: join(directory, 'tls', 'server.crt'), key: join(directory, 'tls', 'server.key') } }),
  });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await balancer.stop();
    await task.stop();
  };
  world.atEnd.push(stop);
  return { task, balancer, stop };
}

/** @param answered operations are counted there */
export function stageOf(
  { report, emulator }: World,
  variant: Variant,
  { balancer, task }: Running,
  target: AdminTarget,
  user: string,
  answered: Set<string>,
): Stage {
  return {
    report,
    admin: new CountingClient(target, answered),
    target,
    fix: {
      host: '127.0.0.1',
      port: variant.tls ? balancer.port : task.ready.fix_port,
      ca_file: variant.tls ? emulator.caFile : undefined,
    },
    user: `${user}-${variant.name}`,
  };
}

/** Health checks, then the whole story. */
export async function tryVariant(
  world: World,
  variant: Variant,
  running: Running,
  operator: AdminTarget,
  answered: Set<string>,
): Promise<void> {
  await tryHealth(world.report, running.task.ready.metrics_port, variant.proxyProtocol);
  await tryCanary(world, running.task);
  await play(stageOf(world, variant, running, operator, 'story', answered));
}
