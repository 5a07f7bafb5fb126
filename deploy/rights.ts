/**
 * What each role was given on the tables, from the templates, beside what it called in this run, as IAM decided it. A role that
 * was refused fails the run, and so does a table that a role was given and never touched without a reason.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { templateOf } from './cdk.ts';
import { STACKS, type World } from './world.ts';

interface Call {
  readonly principal: string | null;
  readonly action: string;
  readonly resource: string;
  readonly allowed: boolean;
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

const TABLE = /Table(credentials|sessions|limits|policy|audit|journal)|(BranchKeys)/;
/** Of roles by how their names begin: tables that this run gives them no occasion to touch. */
const NO_OCCASION: Readonly<Record<string, readonly string[]>> = {
  // Shows and resets what users have spent: the story does neither for a user with a lease.
  Functionpolicy: ['limits'],
  // The release before has seeded the policy.
  PreparationFunction: ['audit'],
  // Notices to a tier ask which users have it; nobody is told anything here.
  Functionsessions: ['policy'],
  // Ends sessions of the canary's user, which has none while the stack is made.
  CanaryUser: ['sessions'],
};

/** `role table action`, for tables alone. */
function granted(assembly: string): ReadonlySet<string> {
  const rights = new Set<string>();
  for (const stack of Object.values(STACKS))
    for (const { Type, Properties } of Object.values(templateOf(assembly, stack).Resources)) {
      if (Type !== 'AWS::IAM::Policy') continue;
      const [{ Ref: role = '' } = {}] = Properties.Roles as { Ref?: string }[];
      const { Statement } = Properties.PolicyDocument as { Statement: readonly Statement[] };
      for (const { Action, Resource } of Statement)
        for (const action of [Action].flat().filter((one) => one.startsWith('dynamodb:') && !/Stream/.test(one)))
          for (const resource of [Resource].flat()) {
            const [, name, keys] = TABLE.exec(JSON.stringify(resource)) ?? [];
            const table = name ?? (keys === undefined ? undefined : 'branch-keys');
            if (table !== undefined) rights.add(`${stack}-${role} ${table} ${action}`);
          }
    }
  return rights;
}

/** The same, of what was called. Names of roles are cut by IAM at 64 characters, and end in something random. */
function used(calls: readonly Call[], roles: ReadonlySet<string>): ReadonlySet<string> {
  const rights = new Set<string>();
  for (const { principal, action, resource } of calls) {
    const name = /:assumed-role\/([^/]+)\//.exec(principal ?? '')?.[1];
    const table = /:table\/fixgate-dev-([a-z-]+)/.exec(resource)?.[1];
    if (name === undefined || table === undefined) continue;
    const role = [...roles].find((one) => name.startsWith(one.slice(0, 45)));
    if (role !== undefined) rights.add(`${role} ${table} ${action}`);
  }
  return rights;
}

export async function tryRights({ report, emulator, directory }: World, assembly: string): Promise<void> {
  await report.step('no role was refused anything, and none has a table that it never touches', async () => {
    const lines = readFileSync(emulator.callsFile, 'utf8').trimEnd().split('\n');
    const calls = lines.map((line) => JSON.parse(line) as Call);
    const refused = calls.filter(({ principal, allowed }) => !allowed && principal?.includes(':assumed-role/fixgate-'));
    if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused.slice(0, 3))}`);
    const given = granted(assembly);
    const called = used(calls, new Set([...given].map((right) => right.split(' ')[0] as string)));
    const beyond = [...called].filter((right) => !given.has(right));
    if (beyond.length > 0) throw new Error(`called and not in the templates: ${beyond.slice(0, 5).join('; ')}`);
    const pair = (right: string): string => right.split(' ').slice(0, 2).join(' ');
    const touched = new Set([...called].map(pair));
    const idle = [...new Set([...given].map(pair))].filter((one) => !touched.has(one) && !excused(one));
    if (idle.length > 0) throw new Error(`given and never touched: ${idle.join('; ')}`);
    const unused = [...given].filter((right) => !called.has(right)).sort();
    writeFileSync(join(directory, 'rights-not-used.txt'), `${unused.join('\n')}\n`);
    report.note(
      `${called.size} of ${given.size} rights (role, table, action) were used; the others: rights-not-used.txt`,
    );
  });
}

const excused = (pair: string): boolean => {
  const [role = '', table = ''] = pair.split(' ');
  return Object.entries(NO_OCCASION).some(([begins, tables]) => role.includes(`-${begins}`) && tables.includes(table));
};
