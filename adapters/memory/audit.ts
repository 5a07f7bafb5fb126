/** The audit trail in memory. */
import { type AuditRecord, EMPTY_CHAIN } from '../../core/audit/model.ts';
import type { AuditQuery, AuditTrail } from '../../core/ports.ts';
import { checkRun } from '../changes.ts';
import { compareKeys, padded, timeKey } from '../keys.ts';
import { type MemoryWorld, pageOf, putRecord, stands } from './world.ts';

export function createAuditTrail(world: MemoryWorld): AuditTrail {
  const expectedHead = (chain: string) => {
    if (chain === 'policy') return world.policy.chain;
    return chain.startsWith('user:') ? (world.users.get(chain.slice('user:'.length))?.chain ?? EMPTY_CHAIN) : undefined;
  };
  return {
    async append(records) {
      checkRun(records);
      const taken = records.some((r) => world.chains.get(r.chain)?.[r.seq - 1] !== undefined && !stands(world, r));
      if (taken) return 'taken';
      for (const record of records) putRecord(world, record);
      return 'appended';
    },

    async query(filter, page) {
      const rows = [...world.chains.values()].flatMap((records) => records.filter((record) => matches(record, filter)));
      return pageOf(rows, (record) => timeKey(record.at, record.id), page, true);
    },

    async chain(chain, page, from = 1) {
      const records = (world.chains.get(chain) ?? []).filter((record) => record !== undefined && record.seq >= from);
      return pageOf(records, (record) => padded(record.seq), page);
    },

    async head(chain) {
      const last = world.chains.get(chain)?.at(-1);
      return last === undefined ? EMPTY_CHAIN : { seq: last.seq, hash: last.hash };
    },

    async *chains() {
      const names = new Set(world.chains.keys());
      // A chain that was cut off whole is named by the head that its subject keeps.
      for (const [userId, { chain }] of world.users) if (chain.seq > 0) names.add(`user:${userId}`);
      if (world.policy.chain.seq > 0) names.add('policy');
      yield* [...names].sort(compareKeys);
    },

    async expectedHead(chain) {
      return expectedHead(chain);
    },
  };
}

function matches(record: AuditRecord, filter: AuditQuery): boolean {
  return (
    (filter.user_id === undefined || record.user_id === filter.user_id) &&
    (filter.type === undefined || record.type === filter.type) &&
    (filter.actor === undefined || record.actor.principal === filter.actor) &&
    (filter.from === undefined || record.at >= filter.from) &&
    (filter.to === undefined || record.at < filter.to)
  );
}
