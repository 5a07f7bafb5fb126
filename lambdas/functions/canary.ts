/** Every minute: a client of the house's own logs on to each edge, and says how long it took. */
import { lookup } from 'node:dns/promises';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { readVariables } from '../../adapters/store-environment.ts';
import { type CanaryLine, logonTime } from '../canary/line.ts';
import { logger } from '../log.ts';
import { metric } from '../metric.ts';

const Environment = z.object({
  AWS_REGION: z.string(),
  FIXGATE_CANARY_SECRET_ARN: z.string().min(1),
  /** Name or address; each of its addresses is an edge. */
  FIXGATE_CANARY_HOST: z.string().min(1),
  FIXGATE_CANARY_PORT: z.coerce.number().int().min(1).max(65_535),
  FIXGATE_PROXY_PROTOCOL: z.enum(['on', 'off']),
  FIXGATE_CANARY_TLS: z.enum(['on', 'off']),
});
const Credential = z.object({ sender_comp_id: z.string(), target_comp_id: z.string(), password: z.string() });

/** Well below a minute for a dozen edges, one after the other: the canary has one session. */
const ANSWER_WITHIN_MS = 5_000;

export interface CanaryResult {
  readonly edges: number;
  readonly failures: readonly string[];
  /** Of the slowest. */
  readonly slowest_ms: number;
}

export async function handler(): Promise<CanaryResult> {
  const variables = readVariables(Environment, process.env);
  const result = await fly(variables).catch((error: Error): CanaryResult => {
    logger.error({ err: error }, 'the canary could not try any edge');
    return { edges: 0, failures: [error.message], slowest_ms: 0 };
  });
  metric('CanaryEdges', result.edges);
  metric('CanaryFailures', result.failures.length);
  if (result.edges > result.failures.length) metric('CanaryLogon', result.slowest_ms, 'Milliseconds');
  logger.info(result, 'canary');
  return result;
}

async function fly(variables: z.output<typeof Environment>): Promise<CanaryResult> {
  const client = new SecretsManagerClient({ region: variables.AWS_REGION });
  const { SecretString } = await client.send(
    new GetSecretValueCommand({ SecretId: variables.FIXGATE_CANARY_SECRET_ARN }),
  );
  const credential = Credential.parse(JSON.parse(SecretString ?? ''));
  const addresses = await lookup(variables.FIXGATE_CANARY_HOST, { all: true, family: 4 });
  const failures: string[] = [];
  let slowest_ms = 0;
  for (const { address } of addresses) {
    const line: CanaryLine = {
      ...credential,
      host: address,
      port: variables.FIXGATE_CANARY_PORT,
      proxyProtocol: variables.FIXGATE_PROXY_PROTOCOL === 'on',
      tls: variables.FIXGATE_CANARY_TLS === 'on',
      timeoutMs: ANSWER_WITHIN_MS,
    };
    try {
      slowest_ms = Math.max(slowest_ms, await logonTime(line, () => new Date()));
    } catch (error) {
      failures.push(`${address}: ${(error as Error).message}`);
    }
  }
  return { edges: addresses.length, failures, slowest_ms };
}
