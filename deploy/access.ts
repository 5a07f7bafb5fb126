/**
 * Who may do what to what, as IAM holds it in the deployed account, beside what was called, as IAM decided it: rights are
 * texts `role resource action`, with names in place of ARNs.
 */
import { readFileSync } from 'node:fs';
import { element } from './aws.ts';
import { STACKS, type World } from './world.ts';

/** @param at where it was found: ARN or pattern of a policy */
type NameOf = (at: string) => string;

export interface Account {
  /** Logical names of the stacks' roles, by their own. */
  readonly roles: ReadonlyMap<string, string>;
  /** What was deployed, by stack and logical name: how it is called. */
  readonly physical: ReadonlyMap<string, string>;
  readonly nameOf: NameOf;
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Call {
  readonly principal: string | null;
  readonly action: string;
  readonly resource: string;
  readonly allowed: boolean;
}

const IAM = '2010-05-08';
const PREFIX = 'fixgate-dev-';

/** Names without what CDK appends to them. */
const logical = (id: string): string => id.replace(/(?:Service)?(?:Role)?[0-9A-F]{8}$/, '');

/** The roles of the stacks, and names for what policies speak of. */
export async function readAccount({ root }: World): Promise<Account> {
  const roles = new Map<string, string>();
  const names = new Map<string, string>();
  const found = new Map<string, string>();
  for (const StackName of Object.values(STACKS)) {
    const xml = await root.query('cloudformation', '2010-05-15', 'DescribeStackResources', { StackName });
    for (const member of xml.split('<member>').slice(1)) {
      const [id, physical, type] = ['LogicalResourceId', 'PhysicalResourceId', 'ResourceType'].map((name) =>
        element(member, name),
      ) as [string, string, string];
      found.set(logical(id), physical);
      if (type === 'AWS::IAM::Role') roles.set(physical, logical(id));
      if (type === 'AWS::KMS::Key') names.set(`key/${physical}`, `key ${logical(id)}`);
      if (type === 'AWS::SecretsManager::Secret') names.set(afterAccount(physical), `secret ${logical(id)}`);
      if (type === 'AWS::SQS::Queue') names.set(physical.split('/').at(-1) as string, `queue ${logical(id)}`);
      if (type === 'AWS::Logs::LogGroup') names.set(`log-group:${physical}`, `log ${logical(id)}`);
    }
  }
  return { roles, physical: found, nameOf: (at) => named(at, names) };
}

/** What follows the account in an ARN. */
const afterAccount = (arn: string): string => arn.split(':').slice(5).join(':');

function named(at: string, names: ReadonlyMap<string, string>): string {
  const rest = afterAccount(at);
  const table = /^table\/(.*)$/.exec(rest)?.[1]?.replace(PREFIX, '');
  if (table !== undefined) return `table ${table.replace(/\/stream\/.*$/, '/stream')}`;
  const [bucket, ...path] = rest.split('/');
  if (at.startsWith('arn:aws:s3:::'))
    return path.length === 0 ? `bucket ${kind(bucket)}` : `bucket ${kind(bucket)}/${path[0]}/*`;
  return names.get(rest) ?? names.get(rest.replace(/:\*$/, '')) ?? (at === '*' ? '*' : rest);
}

/** A bucket's name without the account's number. */
const kind = (bucket = ''): string => bucket.replace(PREFIX, '').replace(/-\d{12}$/, '');

/** Rights of all roles, as their policies stand now; those of AWS's own policies as one, by the policy's name. */
export async function grantedNow({ root }: World, { roles, nameOf }: Account): Promise<ReadonlySet<string>> {
  const rights = new Set<string>();
  for (const [RoleName, role] of roles) {
    const attached = await root.query('iam', IAM, 'ListAttachedRolePolicies', { RoleName });
    for (const [, policy] of attached.matchAll(/<PolicyName>([^<]+)</g)) rights.add(`${role} * managed:${policy}`);
    const inline = await root.query('iam', IAM, 'ListRolePolicies', { RoleName });
    for (const [, PolicyName = ''] of inline.matchAll(/<member>([^<]+)</g)) {
      const xml = await root.query('iam', IAM, 'GetRolePolicy', { RoleName, PolicyName });
      const { Statement } = JSON.parse(decodeURIComponent(element(xml, 'PolicyDocument'))) as {
        Statement: readonly Statement[];
      };
      for (const statement of Statement)
        for (const right of rightsOf(statement, nameOf)) rights.add(`${role} ${right}`);
    }
  }
  return rights;
}

/** A right that only a service has for the role says so: `(by dynamodb)`. */
function rightsOf({ Effect, Action, Resource, Condition }: Statement, nameOf: NameOf): readonly string[] {
  if (Effect !== 'Allow') throw new Error(`a policy of a role has ${Effect}`);
  const service = Condition?.StringEquals?.['kms:ViaService']?.split('.')[0];
  const by = service === undefined ? '' : ` (by ${service})`;
  return [Resource].flat().flatMap((at) => [Action].flat().map((action) => `${nameOf(at)}${by} ${action}`));
}

/** Rights that roles of the stacks have used. @throws Error when one was refused something */
export function called({ emulator }: Pick<World, 'emulator'>, { roles, nameOf }: Account): ReadonlySet<string> {
  const lines = readFileSync(emulator.callsFile, 'utf8').trimEnd().split('\n');
  const rights = new Set<string>();
  const refused = new Set<string>();
  for (const { principal, action, resource, allowed } of lines.map((line) => JSON.parse(line) as Call)) {
    const role = roles.get(/:assumed-role\/([^/]+)\//.exec(principal ?? '')?.[1] ?? '');
    if (role === undefined) continue;
    (allowed ? rights : refused).add(`${role} ${nameOf(resource)} ${action}`);
  }
  if (refused.size > 0) throw new Error(`refused: ${[...refused].join('; ')}`);
  return rights;
}
