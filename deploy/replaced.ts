/** A task is replaced by one with another disk and another host, after it or before: its successor goes on with its sessions. */
import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { AdminClient, type AdminTarget } from '../local/admin-client.ts';
import { type Field, FixClient, type FixMessage, utcTimestamp } from '../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import { type Running, startVariant, type Variant } from './variants.ts';
import type { World } from './world.ts';

const order = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 1],
];

interface Client {
  readonly fix: FixClient;
  at(port: number): FixClient;
  readonly password: string;
  /** Of the order that has filled. */
  readonly report: FixMessage;
}

/** @param variant whose clients speak plain FIX @returns the task that runs then */
export async function tryReplacement(
  world: World,
  variant: Variant,
  running: Running,
  operator: AdminTarget,
): Promise<Running> {
  const { report } = world;
  const admin = new AdminClient(operator);
  const names = async (): Promise<readonly string[]> =>
    ((await admin.get('edges')).body.edges as { edge_id: string; state: string }[])
      .filter(({ edge_id }) => edge_id.startsWith('edge-'))
      .map(({ edge_id, state }) => `${edge_id} ${state}`);
  const next = await report.step('a task that ended leaves its name and its sessions to the next one', async () => {
    const client = await trading(admin, 'replaced-after', running);
    const before = await names();
    const last = await ended(client, running);
    const after = await startVariant(world, variant);
    deepStrictEqual(await names(), before);
    await goesOn(client, after, last);
    return after;
  });
  return report.step(
    'as ECS replaces it, a task that comes before the other goes has another name, and its sessions',
    async () => {
      const client = await trading(admin, 'replaced-before', next);
      const [alive] = await names();
      const after = await startVariant(world, variant);
      deepStrictEqual(await names(), [alive, 'edge-2 alive']);
      const last = await ended(client, next);
      deepStrictEqual(await names(), ['edge-1 stopped', 'edge-2 alive']);
      await goesOn(client, after, last);
      return after;
    },
  );
}

async function trading(admin: AdminClient, user_id: string, { task }: Running): Promise<Client> {
  const provisioned = await admin.post('provision', { user_id, rate_limit_tier: 'basic', ...ELIGIBLE });
  strictEqual(provisioned.status, 201, JSON.stringify(provisioned.body));
  const { sender_comp_id: sender, target_comp_id: target, password } = provisioned.body.credentials as Credentials;
  const at = (port: number) => new FixClient({ host: '127.0.0.1', port, sender, target });
  const fix = at(task.ready.fix_port);
  strictEqual((await fix.logon(password)).type, 'A');
  fix.send('D', order(user_id));
  const report = await fix.next((one) => one.type === '8' && one.get(11) === user_id && one.get(39) === '2');
  return { fix, at, password, report };
}

/** The task is told to end, and tells its client. @returns the number of the Logout */
async function ended({ fix }: Client, running: Running): Promise<number> {
  await running.stop();
  const logout = await fix.next(({ type }) => type === '5');
  match(logout.get(58) ?? '', /shutting down/);
  fix.destroy();
  return Number(logout.get(34));
}

/** Numbers continue, and what was sent can be had again. */
async function goesOn({ fix, at, password, report }: Client, { task }: Running, last: number): Promise<void> {
  const back = at(task.ready.fix_port);
  back.nextOut = fix.nextOut;
  const answer = await back.logon(password);
  deepStrictEqual([answer.type, answer.get(34)], ['A', String(last + 1)], String(answer));
  const number = report.get(34) as string;
  back.send('2', [
    [7, number],
    [16, number],
  ]);
  const again = await back.next((one) => one.get(34) === number);
  deepStrictEqual([again.get(43), again.get(11), again.get(17)], ['Y', report.get(11), report.get(17)]);
  await back.logout();
  back.destroy();
}
