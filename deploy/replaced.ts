/** A task is replaced by one with another disk and another host: its successor takes its name and goes on with its sessions. */
import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { AdminClient, type AdminTarget } from '../local/admin-client.ts';
import { type Field, FixClient, utcTimestamp } from '../local/fix-client.ts';
import { type Credentials, ELIGIBLE } from '../local/product.ts';
import { type Running, startVariant, type Variant } from './variants.ts';
import type { World } from './world.ts';

const USER = 'replaced';

const order = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 1],
];

/** @param variant whose clients speak plain FIX @returns the task that runs then */
export async function tryReplacement(
  world: World,
  variant: Variant,
  running: Running,
  operator: AdminTarget,
): Promise<Running> {
  return world.report.step('a task that is replaced leaves its name and its sessions to the next one', async () => {
    const admin = new AdminClient(operator);
    const provisioned = await admin.post('provision', { user_id: USER, rate_limit_tier: 'basic', ...ELIGIBLE });
    strictEqual(provisioned.status, 201, JSON.stringify(provisioned.body));
    const { sender_comp_id: sender, target_comp_id: target, password } = provisioned.body.credentials as Credentials;
    const at = (port: number) => new FixClient({ host: '127.0.0.1', port, sender, target });
    const client = at(running.task.ready.fix_port);
    strictEqual((await client.logon(password)).type, 'A');
    client.send('D', order('kept-1'));
    const report = await client.next((one) => one.type === '8' && one.get(11) === 'kept-1' && one.get(39) === '2');
    const names = async () =>
      ((await admin.get('edges')).body.edges as { edge_id: string; state: string }[])
        .filter(({ edge_id }) => edge_id.startsWith('edge-'))
        .map(({ edge_id, state }) => `${edge_id} ${state}`);
    const before = await names();
    await running.stop();
    const logout = await client.next(({ type }) => type === '5');
    match(logout.get(58) ?? '', /shutting down/);
    client.destroy();

    const next = await startVariant(world, variant);
    deepStrictEqual(await names(), before);
    const back = at(next.task.ready.fix_port);
    back.nextOut = client.nextOut;
    const answer = await back.logon(password);
    strictEqual(answer.get(34), String(Number(logout.get(34)) + 1), String(answer));
    const number = report.get(34) as string;
    back.send('2', [
      [7, number],
      [16, number],
    ]);
    const again = await back.next((one) => one.get(34) === number);
    deepStrictEqual([again.get(43), again.get(11), again.get(17)], ['Y', 'kept-1', report.get(17)]);
    await back.logout();
    back.destroy();
    return next;
  });
}
