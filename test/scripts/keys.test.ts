// `npm run keys`: a rotation and a loss of the master key, as the operator of a local installation meets them.
import { readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fileMasterKeys, fixedMasterKeys } from '../../adapters/kms/master-keys.ts';
import { createRawAesSecretBox } from '../../adapters/kms/secret-box.ts';
import { createRawAesVault } from '../../adapters/kms/vault.ts';
import type { AdminPorts } from '../../core/admin.ts';
import type { AuditRecord } from '../../core/audit/model.ts';
import { regeneratePassword } from '../../core/credentials/regenerate.ts';
import { whyClosed } from '../../core/credentials/reseal.ts';
import { changeStatus } from '../../core/credentials/status.ts';
import { Verifiers } from '../../core/credentials/verify.ts';
import { utf8 } from '../../core/encoding.ts';
import { createSecrets, readSecrets, secretsFile } from '../../local/secrets.ts';
import { ADMIN, adminPorts, client } from './admin-world.ts';
import { overTables } from './tool.ts';

let ports: AdminPorts;

const over = overTables(async (each) => {
  rmSync(data, { recursive: true, force: true });
  createSecrets(data);
  ports = await adminPorts(each, fileMasterKeys(secretsFile(data)));
});
const data = join(over.folder, 'data');

const keys = (...args: readonly string[]) => over.run('keys', ...args, '--data-dir', data);
const last = (out: string): string => out.trimEnd().split('\n').at(-1) ?? '';

/** Opens with this key and no other. */
function only({ id, key }: { readonly id: string; readonly key: string }) {
  const one = fixedMasterKeys([{ id, key: new Uint8Array(Buffer.from(key, 'base64')) }]);
  return { box: createRawAesSecretBox(one), vault: createRawAesVault(one) };
}

async function proves(sender: string, password: string): Promise<boolean> {
  const now = fileMasterKeys(secretsFile(data));
  const verifiers = new Verifiers({ ...ports, box: createRawAesSecretBox(now), vault: createRawAesVault(now) });
  const found = await ports.directory.credential(sender);
  const proof = { kind: 'password' as const, password: utf8(password) };
  return (await verifiers.proves(found?.credential, { proof }, Date.now())).proved;
}

describe('a rotation', () => {
  test('seals all anew under the new key, once, on record, and nothing is written directly by it', async () => {
    const alice = await client(ports, 'alice');
    const bob = await client(ports, 'bob', 'hmac_sha256');
    await regeneratePassword(ports, ADMIN, { user_id: 'alice' }, 3600);
    await client(ports, 'gone');
    await changeStatus(ports, ADMIN, 'revoke', { user_id: 'gone' });
    expect(await keys('check')).toMatchObject({ code: 0 });
    const before = readSecrets(data);
    expect((await keys('rotate-master')).out).toMatch(/nothing was changed/);
    expect(readSecrets(data)).toEqual(before);
    expect(await keys('rotate-master', '--yes')).toMatchObject({ code: 0 });
    const { master_key, retired_master_keys } = readSecrets(data);
    expect(retired_master_keys).toEqual([before.master_key]);
    expect(statSync(secretsFile(data)).mode & 0o777).toBe(0o600);
    expect(await proves(alice.sender_comp_id, alice.secret)).toBe(true);

    const found = await keys('check');
    expect([found.code, last(found.out)]).toEqual([
      1,
      '2 credentials: 0 under the current key, 2 under an older key, 0 do not open, 0 busy',
    ]);
    expect((await keys('reseal', '--reason', 'yearly')).out).toMatch(/nothing was changed/);
    const done = await keys('reseal', '--reason', 'yearly', '--yes');
    expect([done.code, last(done.out)]).toEqual([
      0,
      '2 credentials: 0 under the current key, 2 sealed anew, 0 do not open, 0 busy',
    ]);
    // The old key may go now.
    for (const { sender_comp_id } of [alice, bob]) {
      const { credential } = (await ports.directory.credential(sender_comp_id)) ?? {};
      if (credential === undefined) throw new Error('gone');
      expect(await whyClosed(only(master_key), credential)).toBeUndefined();
      expect(await whyClosed(only(before.master_key), credential)).toMatch(/there is no master key/);
    }
    // The older password in its grace, too.
    expect(await proves(alice.sender_comp_id, alice.secret)).toBe(true);
    expect(await keys('check')).toMatchObject({ code: 0 });
    expect(last((await keys('reseal', '--reason', 'again', '--yes')).out)).toMatch(
      /^2 credentials: 2 under the current key, 0 /,
    );
    const { items } = await ports.trail.query({ type: 'resealed' }, { limit: 10 }, Date.now());
    expect(items).toMatchObject([
      { chain: 'policy', reason: 'yearly', details: { credentials: 2, resealed: 2, closed: 0 } },
    ]);
    expect(await over.run('audit-verify')).toMatchObject({ code: 0 });
  }, 120_000);
});

describe('a loss', () => {
  test('is shown credential by credential, and new passwords are issued for what does not open', async () => {
    const alice = await client(ports, 'alice');
    const bob = await client(ports, 'bob', 'hmac_sha256');
    renameSync(secretsFile(data), join(over.folder, 'lost.json'));
    createSecrets(data);
    const found = await keys('check');
    expect(found.code).toBe(1);
    expect(found.out).toMatch(
      new RegExp(`^CLOSED ${alice.sender_comp_id} of alice: there is no master key local-`, 'm'),
    );
    const out = join(over.folder, 'issued.jsonl');
    const none = await keys('reissue', '--out', out, '--reason', 'key lost', '--yes');
    expect([none.code, last(none.out)]).toEqual([1, expect.stringMatching(/not one opens: is it the keys/)]);
    ports = await adminPorts(over, fileMasterKeys(secretsFile(data)));
    const carol = await client(ports, 'carol');
    expect((await keys('reissue', '--out', out, '--reason', 'key lost')).out).toMatch(
      /2 credentials to issue anew, 1 open and stay\nnothing was changed/,
    );
    expect(await keys('reissue', '--out', out, '--reason', 'key lost', '--yes')).toMatchObject({ code: 0, err: '' });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const lines = readFileSync(out, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ begun }) => begun)).toHaveLength(2);
    const issued = lines.find(({ sender_comp_id, password }) => sender_comp_id === alice.sender_comp_id && password);
    expect(await proves(alice.sender_comp_id, issued.password)).toBe(true);
    expect(await proves(alice.sender_comp_id, alice.secret)).toBe(false);
    expect(await proves(carol.sender_comp_id, carol.secret)).toBe(true);
    expect(
      lines.some(({ sender_comp_id, secret }) => sender_comp_id === bob.sender_comp_id && secret?.length === 43),
    ).toBe(true);
    const { items } = await ports.trail.query(
      { user_id: 'alice', type: 'regenerate_password' },
      { limit: 5 },
      Date.now(),
    );
    expect((items as AuditRecord[]).map(({ reason }) => reason)).toEqual(['key lost']);
    expect(await keys('reissue', '--out', out, '--reason', 'key lost')).toMatchObject({ code: 0 });
    const again = await keys('reissue', '--all', '--out', out, '--reason', 'x', '--yes');
    expect([again.code, again.err]).toEqual([2, expect.stringMatching(/EEXIST/)]);
  }, 120_000);
});
