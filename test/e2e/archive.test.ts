/** The archive of the whole product: `npm start -- --archive on`, an edge that is killed, archive:export and archive:verify. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Field, type FixMessage, utcTimestamp } from '../../local/fix-client.ts';
import { until } from '../edge/support/desk.ts';
import { type Product, ROOT, removeDirectory, startProduct, temporaryDirectory } from '../support/product.ts';

const dataDir = temporaryDirectory();
const archive = join(dataDir, 'archive');
let product: Product;

beforeAll(async () => {
  product = await startProduct(dataDir, ['--archive', 'on']);
}, 60_000);

afterAll(async () => {
  await product?.stop();
  removeDirectory(dataDir);
}, 60_000);

const order = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 1],
];

function run(script: string, ...args: string[]): { code: number | null; out: string; err: string } {
  const command = [join(ROOT, 'scripts', script), '--data-dir', dataDir, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

interface Exported {
  readonly time: string;
  readonly direction: string;
  readonly session: string;
  readonly user_id: string;
  readonly seq: number;
  readonly fate?: string;
  readonly raw?: string;
}

function exported(...args: string[]): Exported[] {
  const { code, out, err } = run('archive-export.ts', ...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = out.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Exported);
}

const seals = (): string[] =>
  (existsSync(archive) ? readdirSync(archive) : []).filter((name) => name.endsWith('.seg.json'));

/** Ends the edge as a crash does; its parent starts it again. */
function killEdge(): void {
  const ps = spawnSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).stdout.split('\n');
  const ours = String(product.process.pid);
  const [edge] = ps.filter((line) => line.includes(join('edge', 'main.ts')) && line.trim().split(/\s+/)[1] === ours);
  process.kill(Number.parseInt(edge!, 10), 'SIGKILL');
}

test('what was said is in the export, is sealed after a crash, and a change of it is found', async () => {
  const alice = await product.provision('alice');
  const bob = await product.provision('bob');
  const talk = async (account: typeof alice, ids: readonly string[]): Promise<FixMessage[]> => {
    const client = product.client(account);
    expect((await client.logon(account.password, [[141, 'Y']])).type).toBe('A');
    for (const id of ids) {
      client.send('D', order(id));
      await client.next((m) => m.get(11) === id && m.get(39) === '2');
    }
    await client.logout();
    return client.received;
  };
  const heard = await talk(alice, ['a1', 'a2']);
  await talk(bob, ['b1']);
  const lines = exported('--user', 'alice');
  expect(
    lines
      .filter(({ direction }) => direction === 'in')
      .map(({ raw, fate, seq }) => [raw?.match(/\|11=(\w+)\|/)?.[1], fate, seq]),
  ).toEqual([
    ['a1', 'submitted', 2],
    ['a2', 'submitted', 3],
  ]);
  const reports = lines.filter(({ direction }) => direction === 'out');
  expect(reports.map(({ raw }) => raw)).toEqual(
    heard.filter(({ type }) => type === '8').map(({ raw }) => raw.replaceAll('\x01', '|')),
  );
  expect(new Set(lines.map(({ session }) => session))).toEqual(new Set([`FIX.4.4|GATEWAY|${alice.sender_comp_id}|`]));
  expect(exported('--user', 'bob').length).toBe(exported().length - lines.length);
  expect(exported('--to', '2020-01-01')).toEqual([]);
  const [first] = exported('--session', lines[0]!.session, '--raw', 'base64');
  expect(Buffer.from(first!.raw!, 'base64').toString('latin1').replaceAll('\x01', '|')).toBe(lines[0]!.raw);

  killEdge();
  await until('the first segment is on record', () => seals().length > 0, 20_000);
  expect(exported()).toEqual(expect.arrayContaining(lines));
  const whole = run('archive-verify.ts');
  expect(whole).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^1 segments with \d+ messages whole, 1 not sealed yet, 0 broken/),
  });

  const folder = readdirSync(archive).includes('0000000001.seg') ? archive : join(dataDir, 'journal');
  const path = join(folder, '0000000001.seg');
  const bytes = readFileSync(path);
  bytes[bytes.length - 40]! ^= 1;
  writeFileSync(path, bytes);
  expect(run('archive-verify.ts')).toMatchObject({ code: 1, out: expect.stringContaining(`BROKEN ${path}`) });
  unlinkSync(path);
  expect(run('archive-verify.ts')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^MISSING 0000000001.seg: \d+ messages/),
  });
}, 60_000);
