/** What the deployed API and the edge's watch server say to those who may not, or only look. */
import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { connect } from 'node:net';
import { AdminClient, type AdminTarget } from '../local/admin-client.ts';
import { proxyHeader } from './balancer.ts';
import type { Report } from './report.ts';

/** Refusals of the gateway itself and of the function behind it. */
export async function tryDoors(report: Report, operator: AdminTarget, reader: AdminTarget): Promise<void> {
  await report.step(
    'the gateway refuses what is unsigned, wrongly signed or not allowed, in the form of the catalogue',
    async () => {
      const unsigned = await fetch(`${operator.admin_url}/stats`, { signal: AbortSignal.timeout(10_000) });
      const { success, error } = (await unsigned.json()) as { success: boolean; error: { code: string } };
      deepStrictEqual([unsigned.status, success, error.code], [403, false, 'unsigned']);
      const forged = await new AdminClient({ ...operator, secret_access_key: 'another' }).get('stats');
      deepStrictEqual([forged.status, forged.body.error?.code], [403, 'signature_invalid']);
      const denied = await new AdminClient(reader).post('sessions/kill', { user_id: 'nobody' });
      // The emulator refuses by IAM before it looks at the API's responses: the form is a template's test.
      strictEqual(denied.status, 403);
      strictEqual((await new AdminClient(reader).get('stats')).status, 200);
    },
  );
  await report.step('a path that is no operation, and a request that fits no schema, are told so', async () => {
    const admin = new AdminClient(operator);
    const nowhere = await admin.get('nowhere');
    deepStrictEqual([nowhere.status, nowhere.body.error?.code], [404, 'not_found']);
    const wrong = await admin.post('provision', { user_id: '' });
    deepStrictEqual([wrong.status, wrong.body.error?.code], [400, 'invalid_request']);
  });
}

/** Health checks as the balancer sends them. @param header whether they begin with a PROXY header */
export async function tryHealth(report: Report, port: number, header: boolean): Promise<void> {
  await report.step(`health checks${header ? ' that begin with a PROXY header' : ''} are answered`, async () => {
    match(await get(port, '/health', header), /^HTTP\/1\.1 200 /);
    match(await get(port, '/ready', header), /^HTTP\/1\.1 200 .*"status":"ready"/s);
    match(await get(port, '/metrics', false), /fix_orders_allowed 1/);
  });
}

function get(port: number, path: string, header: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 5000 });
    let text = '';
    socket.once('connect', () => {
      if (header) socket.write(proxyHeader('10.0.0.7', 40_000, '10.0.1.9', port));
      socket.write(`GET ${path} HTTP/1.1\r\nhost: 10.0.1.9\r\nconnection: close\r\n\r\n`);
    });
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.once('close', () => resolve(text));
    socket.once('timeout', () => socket.destroy(new Error(`${path}: no answer`)));
    socket.once('error', reject);
  });
}
