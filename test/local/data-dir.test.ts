import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lockDataDir, prepareDataDir, wipe } from '../../local/data-dir.ts';
import { createSecrets, openSecrets, readSecrets, secretsFile } from '../../local/secrets.ts';
import { SettingError } from '../../local/settings.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';

describe('the data directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => removeDirectory(directory));

  test('is used by one at a time', async () => {
    const lock = await lockDataDir(directory);
    await expect(lockDataDir(directory)).rejects.toThrow(SettingError);
    await new Promise((done) => lock.close(done));
    const again = await lockDataDir(directory);
    await new Promise((done) => again.close(done));
  });

  test('--fresh removes our own files and nothing else', () => {
    prepareDataDir(directory);
    createSecrets(directory);
    writeFileSync(join(directory, 'holiday.jpg'), 'mine');
    wipe(directory);
    expect(existsSync(secretsFile(directory))).toBe(false);
    expect(readFileSync(join(directory, 'holiday.jpg'), 'utf8')).toBe('mine');
  });

  test('a path that is a file is refused by the name of the setting', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(() => prepareDataDir(file)).toThrow(/--data-dir/);
  });
});

describe('local secrets', () => {
  let directory: string;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => removeDirectory(directory));

  test('are 256 bits each, for the owner only, and different every time', () => {
    const one = createSecrets(directory);
    const other = join(directory, 'other');
    mkdirSync(other);
    const two = createSecrets(other);
    expect(statSync(secretsFile(directory)).mode & 0o777).toBe(0o600);
    for (const text of [one.master_key.key, one.cursor_key]) expect(Buffer.from(text, 'base64')).toHaveLength(32);
    expect(Buffer.from(one.admin.secret_access_key, 'base64url')).toHaveLength(32);
    expect(two.master_key.key).not.toBe(one.master_key.key);
    expect(two.admin).not.toEqual(one.admin);
  });

  test('are not overwritten, and read back', () => {
    const made = createSecrets(directory);
    expect(() => createSecrets(directory)).toThrow(SettingError);
    expect(openSecrets(directory)).toEqual(made);
  });

  test('that are lost while the store is there stop the start', () => {
    writeFileSync(join(directory, 'store.db'), '');
    expect(() => openSecrets(directory)).toThrow(/secrets\.json is missing/);
    expect(existsSync(secretsFile(directory))).toBe(false);
  });

  test('may hold retired master keys', () => {
    const made = createSecrets(directory);
    const rotated = {
      ...made,
      retired_master_keys: [made.master_key],
      master_key: { id: 'next', key: made.cursor_key },
    };
    writeFileSync(secretsFile(directory), JSON.stringify(rotated));
    expect(openSecrets(directory)).toEqual(rotated);
  });

  test('a damaged file is named, its content is not shown', () => {
    createSecrets(directory);
    chmodSync(secretsFile(directory), 0o600);
    writeFileSync(secretsFile(directory), '{"version":1,"master_key":{"id":"a","key":"c2hvcnQ="}}');
    expect(() => readSecrets(directory)).toThrow(/secrets\.json is damaged at .*master_key/);
    expect(() => readSecrets(directory)).not.toThrow(/c2hvcnQ/);
  });
});
