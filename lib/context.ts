/** What a deployer may say with `-c name=value`, checked before anything is made of it. */
import type { App } from 'aws-cdk-lib';
import { z } from 'zod';

/** A wrong or unsafe context; its message names each value. */
export class ContextError extends Error {
  constructor(problems: readonly string[]) {
    super(`The context is wrong:\n${problems.map((problem) => `  -c ${problem}`).join('\n')}`);
    this.name = 'ContextError';
  }
}

const whole = (low: number, high: number) =>
  z.coerce
    .number({ error: 'is not a number' })
    .int('is not a whole number')
    .min(low, `is below ${low}`)
    .max(high, `is above ${high}`);
const cidr = z
  .string()
  .regex(
    /^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-fA-F:]+\/\d{1,3})$/,
    'is no list of CIDRs such as 192.0.2.0/24,198.51.100.7/32',
  );
const LOG_RETENTION = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const Context = z.object({
  stage: z.enum(['dev', 'staging', 'production'], { error: 'is none of dev, staging, production' }).default('dev'),
  /** Begins the names of tables and stacks. */
  prefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,30}$/, 'is not 2 to 31 of a-z, 0-9 and -, beginning with a letter')
    .default('fixgate'),
  /**
   * A second set of edges on the same tables, with a balancer, names and alarms of its own: to try a release beside the one that
   * serves, and go back. The stacks `edge` and `monitoring` end in it; the others are the same for all.
   */
  color: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,9}$/, 'is not up to 10 of a-z and 0-9, beginning with a letter')
    .optional(),
  /** An image of the edge that is already published; without it one is built from the Dockerfile when deploying. */
  edgeImage: z
    .string()
    .regex(/^\S+[:@]\S+$/, 'is no image with a tag or a digest')
    .optional(),
  /** Of the VPC that is made for the edges; at least a /20, so that each zone has room. */
  vpcCidr: z
    .string()
    .regex(/^(10|172|192)(\.\d{1,3}){3}\/(1[6-9]|20)$/, 'is no private CIDR of /16 to /20 such as 10.0.0.0/16')
    .default('10.0.0.0/16'),
  /** Addresses that may call the admin API, signed or not; without it any that has a signature. */
  adminCidrs: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(cidr).min(1))
    .optional(),
  /** The admin API is private then, reached through this interface endpoint alone. */
  adminVpcEndpoint: z
    .string()
    .regex(/^vpce-[0-9a-f]{8,17}$/, 'is no id of a VPC endpoint')
    .optional(),
  /** A name of one's own for the admin API, with its certificate in ACM, in the same region. */
  adminDomain: z
    .string()
    .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, 'is no name of a host')
    .optional(),
  adminCertificateArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/\S+$/, 'is no ARN of an ACM certificate')
    .optional(),
  /** Keeps concurrency for the functions: the account must have it (`npm run doctor`). By default on in production. */
  reservedConcurrency: z.enum(['on', 'off'], { error: 'is neither on nor off' }).optional(),
  /** Who may connect to the FIX port. */
  allowedCidrs: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(cidr).min(1))
    .optional(),
  /**
   * Where TLS of FIX ends: at the balancer's listener, in the container (the balancer passes it through), or nowhere.
   * By default where there is a certificate.
   */
  fixTls: z.enum(['listener', 'container', 'off'], { error: 'is none of listener, container, off' }).optional(),
  /** Certificate of the balancer's listener in ACM: fixTls=listener. */
  certificateArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/\S+$/, 'is no ARN of an ACM certificate')
    .optional(),
  /** Secret with certificate and key, JSON {cert, key, client_ca?}, PEM texts: fixTls=container. */
  fixTlsSecretArn: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+-[A-Za-z0-9]{6}$/,
      'is no complete ARN of a secret (with the six characters at its end)',
    )
    .optional(),
  /** Whether the balancer tells edges who the client is. */
  proxyProtocol: z.enum(['on', 'off'], { error: 'is neither on nor off' }).default('on'),
  fixPort: whole(1, 65_535).default(9878),
  /** Availability zones that edges are spread over. */
  zones: whole(2, 3).default(2),
  /** Live sessions of an edge, on average over all, above which another is started. */
  sessionsPerEdge: whole(1, 20_000).default(2000),
  /**
   * Hour of the day, UTC, at which clients have no session hours: then edges beyond desiredCount are stopped. Without it none
   * ever is: stopping an edge ends its sessions.
   */
  quietHourUtc: whole(0, 23).optional(),
  /**
   * Where an edge's journal is: in the store it outlives the task, and the next one goes on with it; on the task's own disk
   * (`file`) numbers begin at 1 when the task goes.
   */
  journal: z.enum(['store', 'file'], { error: 'is neither store nor file' }).default('store'),
  /** When messages leave an edge: once they are in its journal, or before that out of numbers that it has reserved there. */
  commit: z.enum(['before-send', 'reserve'], { error: 'is neither before-send nor reserve' }).default('before-send'),
  /** Rows of edges in one partition, which takes a thousand heartbeats a second, or in many (FIXGATE_EDGE_ROWS). */
  edgeRows: z.enum(['together', 'spread'], { error: 'is neither together nor spread' }).default('together'),
  desiredCount: whole(1, 100).default(2),
  maxCount: whole(1, 500).default(10),
  logRetentionDays: z.coerce
    .number()
    .refine((days) => (LOG_RETENTION as readonly number[]).includes(days), `is none of ${LOG_RETENTION.join(', ')}`)
    .default(90),
  /** How long nobody can remove what is in the audit archive: by default seven years in production, else a day. */
  auditRetentionDays: whole(1, 36_500).optional(),
  /** Name of a managed policy of the account that no role of the stacks can go beyond. */
  permissionsBoundary: z
    .string()
    .regex(/^[\w+=,.@-]{1,128}$/, 'is no name of a managed policy of this account')
    .optional(),
  /** Who may lock everybody out when the admin API cannot, with a second factor; without it there is no such role. */
  breakGlassPrincipal: z
    .string()
    .regex(/^arn:aws[a-z-]*:iam::\d{12}:(user|role)\/[\w+=,.@/-]+$/, 'is no ARN of an IAM user or role')
    .optional(),
  /** Records who writes the tables and the archive, and alarms when it is none of the deployment's own roles. */
  dataEvents: z.enum(['on', 'off'], { error: 'is neither on nor off' }).default('off'),
  /** Who hears of alarms. */
  alarmEmail: z.email('is no mail address').optional(),
  /** Where docs/RUNBOOK.md can be read: each alarm names its place there. */
  runbookUrl: z.url({ protocol: /^https?$/, error: 'is no http or https address' }).optional(),
  onIneligible: z.enum(['warn', 'suspend'], { error: 'is neither warn nor suspend' }).default('warn'),
  /** Leaves out what the emulator of `npm run deploy:local` cannot take: lib/emulator.ts. */
  emulator: z
    .union([z.boolean(), z.enum(['true', 'false'])], { error: 'is neither true nor false' })
    .transform((value) => String(value) === 'true')
    .default(false),
  refusedLogon: z.enum(['logout', 'silent'], { error: 'is neither logout nor silent' }).default('logout'),
});

export interface Context extends z.output<typeof Context> {
  readonly logRetentionDays: (typeof LOG_RETENTION)[number];
  readonly fixTls: 'listener' | 'container' | 'off';
  readonly auditRetentionDays: number;
  readonly reservedConcurrency: 'on' | 'off';
}

/** Begins the names of stacks and tables, and is the dimension of metrics that are nobody's color. */
export const deploymentName = ({ prefix, stage }: Pick<Context, 'prefix' | 'stage'>): string => `${prefix}-${stage}`;

type Named = Pick<Context, 'prefix' | 'stage' | 'color'>;

/** A set of edges: begins the names of what watches them, and is the dimension of their metrics. */
export const edgesName = (context: Named): string =>
  context.color === undefined ? deploymentName(context) : `${deploymentName(context)}-${context.color}`;

/** What each color has of its own. */
const COLORED: ReadonlySet<string> = new Set(['edge', 'monitoring']);

export const stackName = (context: Named, part: string): string =>
  context.color !== undefined && COLORED.has(part)
    ? `${deploymentName(context)}-${part}-${context.color}`
    : `${deploymentName(context)}-${part}`;

/** @throws ContextError with every problem at once */
export function readContext(app: App): Context {
  const given = Object.fromEntries(
    Object.keys(Context.shape)
      .map((name) => [name, app.node.tryGetContext(name) as unknown])
      .filter(([, value]) => value !== undefined),
  );
  const parsed = Context.safeParse(given);
  if (!parsed.success)
    throw new ContextError(
      parsed.error.issues.map(
        (issue) => `${String(issue.path[0])}=${String(given[String(issue.path[0])])}: ${issue.message}`,
      ),
    );
  const { stage, fixTls = tlsByCertificate(parsed.data) } = parsed.data;
  const { auditRetentionDays = stage === 'production' ? SEVEN_YEARS : 1 } = parsed.data;
  const { reservedConcurrency = stage === 'production' ? 'on' : 'off' } = parsed.data;
  const context = { ...parsed.data, fixTls, auditRetentionDays, reservedConcurrency } as Context;
  const unsafe = [
    ...wrongTls(context),
    ...wrongAdmin(context),
    ...(context.stage === 'production' ? unsafeForProduction(context) : []),
  ];
  if (context.emulator && context.stage !== 'dev')
    unsafe.push('emulator=true: leaves out parts that protect; only stage=dev may');
  if (context.maxCount < context.desiredCount)
    unsafe.push(`maxCount=${context.maxCount}: is below desiredCount (${context.desiredCount})`);
  if (unsafe.length > 0) throw new ContextError(unsafe);
  return context;
}

const SEVEN_YEARS = 2557;

type Certificates = Pick<Context, 'certificateArn' | 'fixTlsSecretArn'>;

function tlsByCertificate({ certificateArn, fixTlsSecretArn }: Certificates): Context['fixTls'] {
  if (certificateArn !== undefined) return 'listener';
  return fixTlsSecretArn === undefined ? 'off' : 'container';
}

/** A certificate that would not be used is as wrong as one that is missing: somebody believes in it. */
function wrongTls({ fixTls, certificateArn, fixTlsSecretArn }: Context): string[] {
  const problems: string[] = [];
  if (fixTls === 'listener' && certificateArn === undefined)
    problems.push('certificateArn: is needed with fixTls=listener');
  if (fixTls !== 'listener' && certificateArn !== undefined)
    problems.push(`certificateArn: is not used with fixTls=${fixTls}`);
  if (fixTls === 'container' && fixTlsSecretArn === undefined)
    problems.push('fixTlsSecretArn: is needed with fixTls=container');
  if (fixTls !== 'container' && fixTlsSecretArn !== undefined)
    problems.push(`fixTlsSecretArn: is not used with fixTls=${fixTls}`);
  return problems;
}

function wrongAdmin({ adminCidrs, adminVpcEndpoint, adminDomain, adminCertificateArn }: Context): string[] {
  const problems: string[] = [];
  if ((adminDomain === undefined) !== (adminCertificateArn === undefined))
    problems.push('adminDomain, adminCertificateArn: go together');
  if (adminVpcEndpoint !== undefined && adminCidrs !== undefined)
    problems.push('adminCidrs: not together with adminVpcEndpoint, whose security group says who');
  if (adminVpcEndpoint !== undefined && adminDomain !== undefined)
    problems.push('adminDomain: not together with adminVpcEndpoint');
  return problems;
}

/** What production refuses, whatever else is set. */
function unsafeForProduction(context: Context): string[] {
  const problems: string[] = [];
  if (context.fixTls === 'off')
    problems.push(
      'fixTls=off: production needs certificateArn or fixTlsSecretArn; FIX without TLS shows passwords to the network',
    );
  if (context.proxyProtocol === 'off')
    problems.push(
      'proxyProtocol=off: without client addresses allowed_ips and the counting of bad logons protect nothing',
    );
  if (context.allowedCidrs === undefined) problems.push('allowedCidrs: is needed in production');
  for (const range of context.allowedCidrs ?? [])
    if (range.endsWith('/0')) problems.push(`allowedCidrs=${range}: the whole internet is not allowed in production`);
  for (const range of context.adminCidrs ?? [])
    if (range.endsWith('/0')) problems.push(`adminCidrs=${range}: leave it out, or name addresses`);
  if (context.auditRetentionDays < 365)
    problems.push(`auditRetentionDays=${context.auditRetentionDays}: production keeps the audit for a year or longer`);
  if (context.desiredCount < 2) problems.push(`desiredCount=${context.desiredCount}: production needs 2 edges or more`);
  return problems;
}
