/** Users and credentials in memory. */
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import type { Credential, CredentialProof, User } from '../../core/credentials/model.ts';
import type { Lock } from '../../core/locks/model.ts';
import type { AccountChange, CommitResult, Directory, DirectoryRow, Page, PageRequest } from '../../core/ports.ts';
import { afterLogon, afterReseal, checkFollows, countByKind, listed } from '../changes.ts';
import { compareKeys, key } from '../keys.ts';
import { copyOf } from './copies.ts';
import { type MemoryWorld, pageOf, putCommand, putRecord, sameHead, stands } from './world.ts';

export function createDirectory(world: MemoryWorld): Directory {
  const presentUsers = () => [...world.users.values()].flatMap(({ user }) => (user === undefined ? [] : [user]));
  return {
    async account(userId) {
      const row = world.users.get(userId);
      const chain = row?.chain ?? EMPTY_CHAIN;
      const credentials = [...world.credentials.values()]
        .filter((credential) => credential.user_id === userId)
        .sort((a, b) => compareKeys(a.sender_comp_id, b.sender_comp_id));
      const user = row?.user;
      return copyOf({
        user:
          user === undefined
            ? { state: 'absent' as const, user_id: userId, chain }
            : { ...user, state: 'present' as const, chain },
        credentials,
      });
    },

    async credential(senderCompId) {
      const credential = world.credentials.get(senderCompId);
      const user = credential && world.users.get(credential.user_id)?.user;
      return credential && user && copyOf({ credential, user });
    },

    async commit(change) {
      checkFollows(change.expected, change.record);
      const refusal = refuse(world, change);
      if (refusal !== undefined) return refusal;
      const before = world.users.get(change.user_id);
      world.users.set(change.user_id, {
        chain: { seq: change.record.seq, hash: change.record.hash },
        user: change.user === undefined ? before?.user : copyOf(change.user),
      });
      for (const credential of [...change.created, ...change.changed.map((c) => c.credential)]) {
        world.credentials.set(credential.sender_comp_id, copyOf(credential));
      }
      if (change.lock === 'put') world.locked.add(change.user_id);
      if (change.lock === 'remove') world.locked.delete(change.user_id);
      putRecord(world, change.record);
      for (const { edge_id, command } of change.commands) putCommand(world, edge_id, command);
      return { result: 'committed' };
    },

    async listCredentials(filter, page) {
      const rows = [...world.credentials.values()].filter((row) => matches(row, filter)).map(listed);
      return pageOf(rows, (c) => key(c.status, c.tier, c.user_id, c.sender_comp_id), page);
    },

    async listUsers(filter, page) {
      const rows = presentUsers().filter((row) => matches(row, filter));
      return pageOf(rows, (user) => key(user.status, user.tier, user.user_id), page);
    },

    listLocks: async (page) => listLocks(world, page),

    countUsers: async () => countByKind(presentUsers()),

    scan: () => scanned(world),

    reseal: async (credential, proof) => resealed(world, credential, proof),

    noteLogon: async (...logon) => noteLogon(world, ...logon),
  };
}

async function* scanned({ users, credentials }: MemoryWorld): AsyncGenerator<DirectoryRow> {
  for (const { user } of users.values()) if (user !== undefined) yield { kind: 'user', user: copyOf(user) };
  for (const credential of credentials.values()) yield { kind: 'credential', credential: copyOf(credential) };
}

function noteLogon(
  world: MemoryWorld,
  ...[credential, at, verifierVersion]: Parameters<Directory['noteLogon']>
): boolean {
  const { sender_comp_id, version } = credential;
  if (world.credentials.get(sender_comp_id)?.version !== version) return false;
  const after = afterLogon(credential, at, verifierVersion);
  if (after !== undefined) world.credentials.set(sender_comp_id, copyOf(after));
  return true;
}

function resealed({ credentials }: MemoryWorld, credential: Credential, proof: CredentialProof): boolean {
  if (credentials.get(credential.sender_comp_id)?.version !== credential.version) return false;
  credentials.set(credential.sender_comp_id, copyOf(afterReseal(credential, proof)));
  return true;
}

function listLocks(world: MemoryWorld, page: PageRequest): Page<Lock> {
  const users = [...world.locked].flatMap((user_id) => world.users.get(user_id)?.user ?? []);
  const { items, next } = pageOf(users, ({ user_id }) => key(user_id), page);
  const found = items.flatMap(({ lock }) => lock ?? []);
  return next === undefined ? { items: found } : { items: found, next };
}

function matches(row: Credential | User, filter: { readonly status?: string; readonly tier?: string }): boolean {
  return (
    (filter.status === undefined || row.status === filter.status) &&
    (filter.tier === undefined || row.tier === filter.tier)
  );
}

/** Why the change cannot be made; undefined: it can. A repeated one has been made already. */
function refuse(world: MemoryWorld, change: AccountChange): CommitResult | undefined {
  if (stands(world, change.record)) return { result: 'committed' };
  const head = world.users.get(change.user_id)?.chain ?? EMPTY_CHAIN;
  if (!sameHead(head, change.row_head ?? change.expected)) return { result: 'conflict' };
  const stale = change.changed.some(
    ({ credential, expected_version }) =>
      world.credentials.get(credential.sender_comp_id)?.version !== expected_version,
  );
  if (stale) return { result: 'conflict' };
  const taken = change.created.find((credential) => world.credentials.has(credential.sender_comp_id));
  return taken && { result: 'sender_comp_id_taken', sender_comp_id: taken.sender_comp_id };
}
