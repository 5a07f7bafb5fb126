/** The secrets of a local installation, in one file of mode 0600. In AWS, IAM and KMS take their place. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { STORE_FILE } from './data-dir.ts';
import { SettingError } from './settings.ts';

const key256 = z.base64().refine((text) => Buffer.from(text, 'base64').length >= 32, 'is shorter than 256 bits');

const masterKey = z.strictObject({ id: z.string().min(1), key: key256 });

const LocalSecrets = z.strictObject({
  version: z.literal(1),
  /** Wraps the data keys of verifiers. */
  master_key: masterKey,
  /** Still open what they sealed; a rotation puts the old key here. */
  retired_master_keys: z.array(masterKey).optional(),
  admin: z.strictObject({ access_key_id: z.string().min(16), secret_access_key: z.string().min(43) }),
  /** Signs the cursors of lists. */
  cursor_key: key256,
});
export type LocalSecrets = z.infer<typeof LocalSecrets>;

export const secretsFile = (dataDir: string): string => join(dataDir, 'secrets.json');

/** 256 bits for each secret. */
export function generateSecrets(): LocalSecrets {
  return {
    version: 1,
    master_key: { id: `local-${randomBytes(4).toString('hex')}`, key: randomBytes(32).toString('base64') },
    admin: {
      access_key_id: `AKIALOCAL${base32(randomBytes(7))}`,
      secret_access_key: randomBytes(32).toString('base64url'),
    },
    cursor_key: randomBytes(32).toString('base64'),
  };
}

/** Writes new secrets, mode 0600. @throws SettingError when the file is there already */
export function createSecrets(dataDir: string): LocalSecrets {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = secretsFile(dataDir);
  const secrets = generateSecrets();
  try {
    writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new SettingError(
        `${file} is there already; what is sealed under its master key could not be opened with another one, so it is not overwritten`,
      );
    throw error;
  }
  return secrets;
}

/** Reads the secrets. @throws SettingError when the file is not what was written */
export function readSecrets(dataDir: string): LocalSecrets {
  const file = secretsFile(dataDir);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new SettingError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const parsed = LocalSecrets.safeParse(json);
  if (!parsed.success)
    throw new SettingError(
      `${file} is damaged at ${parsed.error.issues.map((issue) => issue.path.join('.') || '(top)').join(', ')}; restore it from a copy; without one every password is issued anew, see "The secrets file is lost" in docs/RUNBOOK.md`,
    );
  return parsed.data;
}

/**
 * Gives the file a new master key; the one that it has, and those before it, still open what they sealed. Whoever has read the
 * file goes on with the old key until it is started anew. @returns the ids of both @throws SettingError
 */
export function rotateMasterKey(dataDir: string): { readonly before: string; readonly after: string } {
  const { master_key, retired_master_keys = [], ...rest } = readSecrets(dataDir);
  const next = generateSecrets().master_key;
  const secrets: LocalSecrets = {
    ...rest,
    master_key: next,
    retired_master_keys: [master_key, ...retired_master_keys],
  };
  const file = secretsFile(dataDir);
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(`${file}.new`, file);
  return { before: master_key.id, after: next.id };
}

/** Reads the secrets; makes them for a data directory without a store. @throws SettingError when the store's are lost */
export function openSecrets(dataDir: string): LocalSecrets {
  if (existsSync(secretsFile(dataDir))) return readSecrets(dataDir);
  const store = join(dataDir, STORE_FILE);
  if (existsSync(store)) {
    throw new SettingError(
      `${secretsFile(dataDir)} is missing, but ${store} holds passwords sealed under its master key; restore it from a copy (only --fresh, which deletes every client, does without)`,
    );
  }
  return createSecrets(dataDir);
}

/** RFC 4648 base32 without padding. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = 0;
  let value = 0;
  let text = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}
