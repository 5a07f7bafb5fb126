/**
 * The edge as its task runs it: the environment of the deployed task definition, and keys of the task's role from where the
 * agent of ECS serves them. What a machine without the VPC must change is listed here.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type EdgeProcess, startEdge } from '../local/edge-process.ts';
import { type Aws, assumeRole } from './aws.ts';
import { cleanEnvironment, type Emulator, REGION } from './emulator.ts';

export interface RunningTask extends Pick<EdgeProcess, 'ready' | 'pid' | 'stop'> {
  /** The environment as the task definition has it. */
  readonly definition: Readonly<Record<string, string>>;
}

interface TaskDefinition {
  readonly taskRoleArn: string;
  readonly containerDefinitions: readonly {
    readonly name: string;
    readonly environment: readonly { readonly name: string; readonly value: string }[];
  }[];
}

/** Ports that others may have, an address that others could reach, and a balancer that is on the loopback. */
const elsewhere = (directory: string, definition: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  FIXGATE_FIX_HOST: '127.0.0.1',
  FIXGATE_FIX_PORT: '0',
  FIXGATE_METRICS_HOST: '127.0.0.1',
  FIXGATE_METRICS_PORT: '0',
  FIXGATE_DATA_DIR: directory,
  ...(definition.FIXGATE_PROXY_SOURCES === undefined ? {} : { FIXGATE_PROXY_SOURCES: '127.0.0.1' }),
});

/** @param arn of the deployed task definition @param more variables, for what a drill has wrong with the machine */
export async function startTask(
  aws: Aws,
  emulator: Emulator,
  arn: string,
  directory: string,
  more: NodeJS.ProcessEnv = {},
): Promise<RunningTask> {
  const target = 'AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition';
  const { taskDefinition } = (await aws.json('ecs', target, { taskDefinition: arn })) as {
    taskDefinition: TaskDefinition;
  };
  const container = taskDefinition.containerDefinitions.find(({ name }) => name === 'edge');
  if (container === undefined) throw new Error(`task definition ${arn} has no container "edge"`);
  const definition = Object.fromEntries(container.environment.map(({ name, value }) => [name, value]));
  const keys = await serveRoleKeys(aws, taskDefinition.taskRoleArn);
  // The disk of a task is its own, and gone with it.
  const data = mkdtempSync(join(directory, 'edge-'));
  const edge = await startEdge(
    {
      ...cleanEnvironment(directory),
      ...definition,
      // What ECS puts beside the definition.
      AWS_REGION: REGION,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: keys.url,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: keys.token,
      // The way to the emulator.
      AWS_ENDPOINT_URL: emulator.endpoint,
      NODE_EXTRA_CA_CERTS: emulator.caFile,
      ...elsewhere(data, definition),
      ...more,
    },
    join(directory, 'edge.log'),
    { onRestart() {}, onReady() {} },
  ).catch((error: unknown) => {
    keys.server.close();
    throw error;
  });
  return {
    ready: edge.ready,
    get pid() {
      return edge.pid;
    },
    definition,
    stop: async () => {
      await edge.stop();
      keys.server.closeAllConnections();
      await new Promise<void>((resolve) => keys.server.close(() => resolve()));
    },
  };
}

/** Keys of the role over HTTP, in the form of the container credentials provider. */
async function serveRoleKeys(aws: Aws, role: string): Promise<{ server: Server; url: string; token: string }> {
  const token = randomUUID();
  const server = createServer((request, response) => {
    if (request.headers.authorization !== token) {
      response.writeHead(403).end();
      return;
    }
    assumeRole(aws, role, 'edge').then(
      ({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, expiration: Expiration }) =>
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ RoleArn: role, AccessKeyId, SecretAccessKey, Token, Expiration })),
      (error: Error) => response.writeHead(500).end(JSON.stringify({ message: error.message })),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, token };
}
