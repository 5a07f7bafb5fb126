// `npm run break-glass` as whoever must stop everything runs it.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import type { Stores } from '../../adapters/stores.ts';
import { readShut } from '../../edge/shut.ts';
import { overTables, runTool } from './tool.ts';

let stores: Stores;

const over = overTables(async ({ store, tables }) => {
  stores = createDynamoAdapters({ client: store.client, tables, random: systemRandom });
});
const { folder } = over;

const breakGlass = (...args: readonly string[]) => over.run('break-glass', ...args);

describe('by the tables', () => {
  test('shows first, locks with a record by whose key it was, and unlocks', async () => {
    await stores.edges.register('e-1', '1', Date.now());
    const shown = await breakGlass('lock-everybody', '--reason', 'API is down');
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/^edge e-1 alive, 0 sessions$/m) });
    expect(shown.out).toMatch(/nothing was changed: add --yes/);
    expect((await stores.policy.read()).locks).toEqual([]);

    const locked = await breakGlass('lock-everybody', '--reason', 'API is down', '--yes');
    expect(locked).toMatchObject({ code: 0, out: expect.stringMatching(/^locked everybody at policy version 1/m) });
    const { locks } = await stores.policy.read();
    expect(locks).toMatchObject([{ target: { kind: 'everybody' }, reason: 'API is down', cancel_orders: false }]);
    expect((await stores.edges.commands('e-1', '')).map(({ type }) => type)).toEqual(['policy_changed']);
    const { items } = await stores.audit.chain('policy', { limit: 10 });
    const principal = `break-glass:${userInfo().username}@${hostname()}`;
    expect(items).toMatchObject([{ type: 'lock', actor: { principal, user_agent: 'break-glass local' } }]);

    expect((await breakGlass('unlock-everybody', '--reason', 'API is back')).out).toMatch(/nothing was changed/);
    expect(await breakGlass('unlock-everybody', '--reason', 'API is back', '--yes')).toMatchObject({ code: 0 });
    expect((await stores.policy.read()).locks).toEqual([]);
    const verified = await over.run('audit-verify');
    expect(verified).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1 chains, 2 records whole, 0 chains broken$/m),
    });
  }, 60_000);

  test('says what is wrong, and ends with 1', async () => {
    const nothing = await breakGlass('unlock-everybody', '--reason', 'x', '--yes');
    expect(nothing).toMatchObject({ code: 1, err: expect.stringMatching(/^not done: lock_not_found/) });
    expect(await breakGlass('lock-everybody', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/--reason/),
    });
    const long = await breakGlass('lock-everybody', '--yes', '--reason', 'ü');
    expect(long).toMatchObject({ code: 1, err: expect.stringMatching(/printable ASCII/) });
    const away = await runTool('break-glass', ['status'], { FIXGATE_TABLE_AUDIT: '' }, folder);
    expect(away).toMatchObject({ code: 1, err: expect.stringMatching(/there is no .*local\.json/) });
  }, 60_000);
});

test('by a file for every edge of the machine, with no store at all', async () => {
  const data = join(folder, 'data');
  const second = join(data, 'edges', 'local-2');
  await mkdir(second, { recursive: true });
  const run = (...args: readonly string[]) => runTool('break-glass', [...args, '--data-dir', data], {}, folder);
  expect((await run('shut', '--reason', 'fire')).out).toMatch(/would write/);
  expect(existsSync(join(data, 'shut'))).toBe(false);
  expect(await run('shut', '--reason', 'fire', '--cancel-orders', '--yes')).toMatchObject({ code: 0 });
  for (const one of [data, second]) expect(readShut(one)).toEqual({ reason: 'fire', cancel_orders: true });
  expect(readFileSync(join(data, 'shut'), 'utf8')).toBe('fire\ncancel_orders\n');
  expect(await run('open', '--yes')).toMatchObject({ code: 0 });
  for (const one of [data, second]) expect(readShut(one)).toBeUndefined();
}, 30_000);
