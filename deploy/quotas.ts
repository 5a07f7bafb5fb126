/** What the account may have at most beside what it has: a deployment that meets a quota stops half-way. */
import type { Context } from '../lib/context.ts';
import { stackName } from '../lib/context.ts';
import { type Aws, AwsError } from './aws.ts';
import { type Finding, missing, ok, stackIs, warn } from './finding.ts';

/** A task of lib/edge-stack.ts. */
const VCPU_PER_EDGE = 1;

interface Quota {
  readonly what: string;
  readonly service: string;
  readonly code: string;
  /** How much is there already, in the quota's unit. */
  used(aws: Aws): Promise<number>;
  /** How much a deployment adds: without it it stops; and at most, as it may scale. */
  needed(context: Context): { readonly atOnce: number; readonly atMost: number };
}

const QUOTAS: readonly Quota[] = [
  {
    what: 'vCPUs of Fargate',
    service: 'fargate',
    code: 'L-3032A538',
    // What runs is counted by the service alone; others' tasks are not to be seen by their vCPUs without looking at each.
    used: async () => 0,
    // While tasks are replaced there are twice as many.
    needed: ({ desiredCount, maxCount }) => ({
      atOnce: 2 * desiredCount * VCPU_PER_EDGE,
      atMost: Math.max(maxCount, 2 * desiredCount) * VCPU_PER_EDGE,
    }),
  },
  {
    what: 'VPCs in the region',
    service: 'vpc',
    code: 'L-F678F1CE',
    used: async (aws) => counted(await aws.query('ec2', '2016-11-15', 'DescribeVpcs', {}), /<vpcId>/g),
    needed: () => ({ atOnce: 1, atMost: 1 }),
  },
  {
    what: 'network load balancers',
    service: 'elasticloadbalancing',
    code: 'L-69A177A2',
    used: async (aws) =>
      counted(await aws.query('elasticloadbalancing', '2015-12-01', 'DescribeLoadBalancers', {}), /<Type>network</g),
    needed: () => ({ atOnce: 1, atMost: 1 }),
  },
];

/** Elastic addresses are none: the balancer's are AWS's own, and no gateway needs one. */
export async function quotas(aws: Aws, context: Context): Promise<readonly Finding[]> {
  // What is deployed already has its share.
  if (await stackIs(aws, stackName(context, 'edge'))) return [];
  return Promise.all(QUOTAS.map((quota) => one(aws, quota, context)));
}

async function one(aws: Aws, quota: Quota, context: Context): Promise<Finding> {
  const { what } = quota;
  const [limit, used] = await Promise.all([limitOf(aws, quota), quota.used(aws)]);
  const { atOnce, atMost } = quota.needed(context);
  const said = `${what}: ${limit} are allowed${used > 0 ? `, ${used} are there` : ''}`;
  const todo = `ask for more in Service Quotas (${quota.service}, ${quota.code})`;
  if (used + atOnce > limit) return missing(`${said}, ${atOnce} more are needed`, todo);
  return used + atMost > limit ? warn(`${said}, up to ${atMost} more as it scales: ${todo}`) : ok(said);
}

/** As it was raised for the account, or else AWS's default. */
async function limitOf(aws: Aws, { service: ServiceCode, code: QuotaCode }: Quota): Promise<number> {
  const ask = (operation: string) =>
    aws.json('servicequotas', `ServiceQuotasV20190624.${operation}`, { ServiceCode, QuotaCode });
  try {
    return Number((await ask('GetServiceQuota')).Quota.Value);
  } catch (error) {
    if (!(error instanceof AwsError && error.code === 'NoSuchResourceException')) throw error;
    return Number((await ask('GetAWSDefaultServiceQuota')).Quota.Value);
  }
}

const counted = (xml: string, what: RegExp): number => xml.match(what)?.length ?? 0;
