/** Master keys as a secret store holds them: one that is current, and older ones that still open what they sealed. */
import { readFile } from 'node:fs/promises';

/** 32 bytes that wrap data keys; `id` stands in each ciphertext. */
export interface MasterKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** Shaped like a secret with versions in AWS Secrets Manager. */
export interface MasterKeys {
  /** Seals what is new. */
  current(): Promise<MasterKey>;
  /** Undefined: this key is gone, and with it what it sealed. */
  byId(id: string): Promise<MasterKey | undefined>;
}

/** Keys that the caller has at hand, the current one first. */
export function fixedMasterKeys(keys: readonly [MasterKey, ...MasterKey[]]): MasterKeys {
  for (const { id, key } of keys) checkKey(id, key);
  return {
    current: async () => keys[0],
    byId: async (id) => keys.find((one) => one.id === id),
  };
}

/**
 * Keys in a JSON file, `{"master_key": {"id", "key"}, "retired_master_keys"?: [{"id", "key"}]}` with keys in base64; other
 * members are somebody else's. Read once: a restart takes up a rotation.
 * @throws Error naming the file, never its content, when it is not so
 */
export function fileMasterKeys(path: string): MasterKeys {
  let keys: Promise<MasterKeys> | undefined;
  const load = () => {
    keys ??= readKeys(path).catch((error) => {
      keys = undefined;
      throw error;
    });
    return keys;
  };
  return {
    current: async () => (await load()).current(),
    byId: async (id) => (await load()).byId(id),
  };
}

async function readKeys(path: string): Promise<MasterKeys> {
  const content = await readFile(path, 'utf8');
  let parsed: { master_key?: unknown; retired_master_keys?: unknown };
  try {
    parsed = JSON.parse(content);
  } catch {
    // The parser's message would quote the file.
    throw new Error(`${path} is not JSON`);
  }
  const retired = parsed.retired_master_keys ?? [];
  if (!Array.isArray(retired)) throw new Error(`${path}: retired_master_keys is no list`);
  return fixedMasterKeys([readKey(path, parsed.master_key), ...retired.map((entry) => readKey(path, entry))]);
}

function readKey(path: string, entry: unknown): MasterKey {
  const { id, key } = (entry ?? {}) as { id?: unknown; key?: unknown };
  if (typeof id !== 'string' || typeof key !== 'string') throw new Error(`${path}: a master key without id or key`);
  return { id, key: new Uint8Array(Buffer.from(key, 'base64')) };
}

function checkKey(id: string, key: Uint8Array): void {
  if (id === '') throw new Error('a master key without an id');
  if (key.length !== 32) throw new Error(`master key ${id} has ${key.length * 8} bits; 256 are needed`);
}
