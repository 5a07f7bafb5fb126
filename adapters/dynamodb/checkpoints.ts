/** What the checkpointer keeps, in partitions of the audit table that are no chain's. */
import type { Checkpoint } from '../../core/audit/checkpoint.ts';
import type { CheckpointStore, PendingChain } from '../../core/audit/checkpoint-port.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { padded } from '../keys.ts';
import { ASIDE } from './audit.ts';
import { type Database, LAST_KEY, type Range, type Write } from './database.ts';
import { absent, equals } from './expressions.ts';

const PENDING = `${ASIDE}pending`;
const SIGNED = `${ASIDE}signed`;
const CHECKPOINTS = `${ASIDE}checkpoints`;
const HEAD = { table: 'audit', pk: CHECKPOINTS, sk: 'HEAD' } as const;
const LEASE = { table: 'audit', pk: CHECKPOINTS, sk: 'LEASE' } as const;
/** Single writes under way at once. */
const AT_ONCE = 25;

export function createCheckpointStore(database: Database): CheckpointStore {
  return { ...notes(database), ...newest(database), ...lease(database) };
}

type Notes = Pick<CheckpointStore, 'note' | 'pending' | 'forget' | 'signed'>;

function notes(database: Database): Notes {
  return {
    async note(grown) {
      await each(grown, ({ chain, seq }) =>
        database.write({
          update: { table: 'audit', pk: PENDING, sk: chain },
          change: { text: 'SET #seq = :seq', names: ['seq'], values: { ':seq': seq } },
          when: { text: 'attribute_not_exists(#seq) OR #seq < :seq', names: ['seq'] },
        }),
      );
    },

    async pending(limit) {
      const range: Range = { table: 'audit', pk: ['pk', PENDING], sk: 'sk', from: ' ', to: LAST_KEY };
      const found: PendingChain[] = [];
      for await (const row of database.rows(range)) {
        found.push({ chain: row.sk, seq: row.seq as number });
        if (found.length === limit) break;
      }
      return found;
    },

    async forget({ chain, seq }) {
      await database.write(forgetting(chain, seq));
    },

    async signed(chain) {
      const row = await database.get({ table: 'audit', pk: SIGNED, sk: chain });
      return row === undefined ? EMPTY_CHAIN : { seq: row.seq as number, hash: row.hash as string };
    },
  };
}

function newest(database: Database): Pick<CheckpointStore, 'last' | 'commit' | 'settle'> {
  return {
    async last() {
      const row = await database.get(HEAD);
      if (row === undefined) return undefined;
      return { checkpoint: JSON.parse(row.checkpoint as string) as Checkpoint, settled: row.settled as boolean };
    },

    async commit({ leaves: _, ...checkpoint }) {
      const { number } = checkpoint;
      const text = JSON.stringify(checkpoint);
      const { pk, sk } = HEAD;
      const { result } = await database.transact([
        {
          put: 'audit',
          row: { pk, sk, number, checkpoint: text, settled: false },
          when: number === 1 ? absent('number') : equals({ number: number - 1 }),
        },
        { put: 'audit', row: { pk, sk: padded(number), checkpoint: text }, when: absent('checkpoint') },
      ]);
      if (result === 'done') return true;
      // A commit whose reply was lost.
      return (await database.get(HEAD))?.checkpoint === text;
    },

    async settle({ number, leaves }) {
      await database.batch(
        leaves.map(({ chain, seq, hash }) => ({ put: 'audit', row: { pk: SIGNED, sk: chain, seq, hash } })),
      );
      await each(leaves, ({ chain, seq }) => database.write(forgetting(chain, seq)));
      await database.write({
        update: HEAD,
        change: { text: 'SET #settled = :yes', names: ['settled'], values: { ':yes': true } },
        when: equals({ number }),
      });
    },
  };
}

function lease(database: Database): Pick<CheckpointStore, 'lease' | 'release'> {
  return {
    lease: (holder, now, until) =>
      database.write({
        put: 'audit',
        row: { pk: LEASE.pk, sk: LEASE.sk, holder, until },
        when: {
          text: 'attribute_not_exists(#until) OR #until <= :now OR #holder = :holder',
          names: ['until', 'holder'],
          values: { ':now': now, ':holder': holder },
        },
      }),

    async release(holder) {
      await database.write({ remove: LEASE, when: equals({ holder }) });
    },
  };
}

/** A note that says more stays. */
function forgetting(chain: string, seq: number): Exclude<Write, { check: unknown }> {
  const when = { text: '#seq <= :seq', names: ['seq'], values: { ':seq': seq } };
  return { remove: { table: 'audit', pk: PENDING, sk: chain }, when };
}

async function each<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(run));
}
