/** Starting, stopping, crashing and coming back, as a newcomer's machine sees it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { localJsonFile } from '../../local/data-dir.ts';
import { type Field, utcTimestamp } from '../../local/fix-client.ts';
import { type Product, removeDirectory, spawnStart, startProduct, temporaryDirectory } from '../support/product.ts';
import { untilProcesses } from '../support/until.ts';

const order = (id: string): Field[] => [
  [11, id],
  [55, 'AAPL'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 10],
  [40, 2],
  [44, 1],
];

/** Processes that have this data directory on their command line or in their environment. */
function processesOf(dataDir: string): string[] {
  const list = execFileSync('ps', ['axeww', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return list.split('\n').filter((line) => line.includes(dataDir) && !line.includes(' ps axeww'));
}

const ended = (child: { exitCode: number | null; once(event: 'exit', run: (code: number | null) => void): unknown }) =>
  new Promise<number | null>((done) => (child.exitCode !== null ? done(child.exitCode) : child.once('exit', done)));

describe('npm start', () => {
  let dataDir: string;
  let product: Product | undefined;

  beforeEach(() => {
    dataDir = temporaryDirectory();
    product = undefined;
  });
  afterEach(async () => {
    await product?.stop();
    removeDirectory(dataDir);
  }, 40_000);

  test('writes local.json for its owner only, and removes it when it ends', async () => {
    product = await startProduct(dataDir);
    const file = localJsonFile(dataDir);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')))).toEqual(
      expect.arrayContaining([
        'admin_url',
        'region',
        'service',
        'access_key_id',
        'secret_access_key',
        'fix_host',
        'fix_port',
        'metrics_url',
        'data_dir',
        'pid',
      ]),
    );
    expect(product.local.pid).toBe(product.process.pid);
    expect(product.output()).toContain('curl --aws-sigv4');
    const metrics = new URL(product.local.metrics_url);
    for (const path of ['/health', '/ready', '/metrics'])
      expect((await fetch(new URL(path, metrics))).status).toBe(200);
    expect(await product.stop('SIGINT')).toBe(0);
    expect(existsSync(file)).toBe(false);
    await untilProcesses('nothing is left running', () => processesOf(dataDir).length === 0);
  }, 90_000);

  test('leaves nothing running when it is killed', async () => {
    product = await startProduct(dataDir);
    expect(processesOf(dataDir).length).toBeGreaterThanOrEqual(3);
    product.process.kill('SIGKILL');
    await untilProcesses('nothing is left running', () => processesOf(dataDir).length === 0);
  }, 90_000);

  test('keeps credentials, orders and sequence numbers over a restart; --fresh begins anew', async () => {
    product = await startProduct(dataDir);
    const credentials = await product.provision('carol');
    const client = product.client(credentials);
    expect((await client.logon(credentials.password)).type).toBe('A');
    client.send('D', order('survivor'));
    await client.next((message) => message.type === '8' && message.get(39) === '0');
    const lastSeen = Number(client.received.at(-1)?.get(34));
    await product.stop();

    product = await startProduct(dataDir);
    const again = product.client(credentials);
    again.nextOut = client.nextOut;
    const answer = await again.logon(credentials.password);
    expect(answer.type).toBe('A');
    // The Logout of the drain and this Logon are the only numbers used since.
    expect(Number(answer.get(34))).toBeGreaterThan(lastSeen);
    expect(Number(answer.get(34))).toBeLessThanOrEqual(lastSeen + 2);
    again.send('F', [
      [41, 'survivor'],
      [11, 'cancel'],
      [55, 'AAPL'],
      [54, 1],
      [60, utcTimestamp(new Date())],
      [38, 10],
    ]);
    expect((await again.next((message) => message.get(11) === 'cancel')).get(39)).toBe('4');
    await product.stop();

    product = await startProduct(dataDir, ['--fresh']);
    expect((await product.admin.get('credentials')).body.credentials).toEqual([]);
  }, 120_000);

  test('a second one on the same data directory, a port in use and a wrong value are told by the name of the setting', async () => {
    product = await startProduct(dataDir);
    const fail = async (args: string[]): Promise<string> => {
      const { child, output } = spawnStart(args);
      expect(await ended(child)).toBe(2);
      return output();
    };
    expect(await fail(['--data-dir', dataDir, '--admin-port', '0', '--fix-port', '0', '--metrics-port', '0'])).toMatch(
      /--data-dir .* in use/,
    );
    const other = temporaryDirectory();
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const port = String((taken.address() as { port: number }).port);
    for (const setting of ['--admin-port', '--fix-port', '--metrics-port']) {
      const ports = ['--admin-port', '--fix-port', '--metrics-port'].flatMap((name) => [
        name,
        name === setting ? port : '0',
      ]);
      expect(await fail(['--data-dir', other, ...ports])).toContain(`${setting} (FIXGATE_`);
    }
    await new Promise((done) => taken.close(done));
    expect(await fail(['--venue', 'nowhere'])).toContain('--venue');
    removeDirectory(other);
  }, 120_000);

  test('a store that dies under load comes back: sessions stay, new logons are refused with a clear text meanwhile', async () => {
    product = await startProduct(dataDir);
    const [credentials, late] = [await product.provision('dave'), await product.provision('erin')];
    const client = product.client(credentials);
    expect((await client.logon(credentials.password)).type).toBe('A');
    const store = processesOf(dataDir).filter((line) => line.includes('serve -p') && !line.includes('guard.ts'));
    const pids = store.map((line) => Number.parseInt(line, 10));
    expect(pids).toHaveLength(1);
    process.kill(pids[0] as number, 'SIGSTOP');
    const attempt = product.client(late);
    const refused = await attempt.logon(late.password);
    expect([refused.type, refused.get(58)]).toEqual(['5', expect.stringMatching(/unavailable|try again/i)]);
    client.send('1', [[112, 'still-here']]);
    expect((await client.next((message) => message.type === '0' && message.get(112) === 'still-here')).type).toBe('0');
    process.kill(pids[0] as number, 'SIGKILL');
    await untilProcesses('the store is back', async () => (await product?.admin.get('stats'))?.status === 200, 20_000);
    await untilProcesses(
      'new logons are taken',
      async () => {
        const next = product?.client(late);
        const answer = await next?.logon(late.password, [[141, 'Y']]);
        if (answer?.type === 'A') await next?.logout();
        return answer?.type === 'A';
      },
      20_000,
    );
    client.send('D', order('after'));
    expect((await client.next((message) => message.get(11) === 'after')).get(39)).toBe('0');
  }, 120_000);

  test('an edge that is killed is started again on its port, and its clients come back with their numbers', async () => {
    product = await startProduct(dataDir);
    const credentials = await product.provision('frank');
    const client = product.client(credentials);
    await client.logon(credentials.password);
    client.send('D', order('crash'));
    await client.next((message) => message.get(11) === 'crash');
    const lastSeen = Number(client.received.at(-1)?.get(34));
    const edge = processesOf(dataDir).filter((line) => line.includes(join('edge', 'main.ts')));
    process.kill(Number.parseInt(edge[0] as string, 10), 'SIGKILL');
    await client.closed();
    const again = product.client(credentials);
    again.nextOut = client.nextOut;
    await untilProcesses(
      'the edge is back',
      async () => {
        try {
          const answer = await again.logon(credentials.password);
          if (answer.type !== 'A') again.nextOut = client.nextOut;
          return answer.type === 'A';
        } catch {
          again.nextOut = client.nextOut;
          return false;
        }
      },
      20_000,
    );
    expect(Number(again.received.find((message) => message.type === 'A')?.get(34))).toBe(lastSeen + 1);
  }, 120_000);
});
