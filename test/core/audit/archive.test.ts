import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { fillSince, SLICE_MS } from '../../../core/audit/archive.ts';
import type { AuditArchive } from '../../../core/audit/archive-port.ts';
import { link } from '../../../core/audit/chain.ts';
import { type AuditRecord, type ChainHead, EMPTY_CHAIN } from '../../../core/audit/model.ts';

const DAY = 86_400_000;

/** An archive that keeps what it is given first. */
class Kept implements AuditArchive {
  readonly records = new Map<string, AuditRecord>();
  async put(record: AuditRecord): Promise<'put' | 'present'> {
    const place = `${record.chain}/${record.seq}`;
    if (this.records.has(place)) return 'present';
    this.records.set(place, record);
    return 'put';
  }
  async *places(chain: string, first: number, last: number): AsyncGenerator<number> {
    const seqs = [...this.records.values()].filter((record) => record.chain === chain).map(({ seq }) => seq);
    yield* seqs.filter((seq) => seq >= first && seq <= last).sort((a, b) => a - b);
  }
}

describe('the gap filler', () => {
  let stores: ReturnType<typeof createMemoryAdapters>;
  let heads: Map<string, ChainHead>;
  beforeEach(() => {
    stores = createMemoryAdapters();
    heads = new Map();
  });

  async function write(chain: string, at: number): Promise<AuditRecord> {
    const entry = { at, type: 'logon', outcome: 'done', actor: { principal: 'p' }, details: {} } as const;
    const head = heads.get(chain) ?? EMPTY_CHAIN;
    const record = link(nodeDigests, chain, head, { ...entry, id: `${chain}${String(head.seq).padStart(6, '0')}` });
    await stores.audit.append([record]);
    heads.set(chain, { seq: record.seq, hash: record.hash });
    return record;
  }
  const nothingStrange = (): never => {
    throw new Error('nothing is strange here');
  };

  test('puts what is missing, wherever it is, and leaves the rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            chain: fc.constantFrom('policy', 'user:a', 'edge:e:1'),
            at: fc.nat(3 * DAY),
            kept: fc.boolean(),
          }),
          {
            maxLength: 30,
          },
        ),
        async (given) => {
          stores = createMemoryAdapters();
          heads = new Map();
          const archive = new Kept();
          const written: AuditRecord[] = [];
          for (const { chain, at, kept } of given) {
            const record = await write(chain, at);
            written.push(record);
            if (kept) await archive.put(record);
          }
          const missing = written.length - archive.records.size;
          let filled = 0;
          const progress = async (_: number, step: { filled: number }) => {
            filled += step.filled;
            return true;
          };
          await fillSince({ trail: stores.audit, archive }, 0, 3 * DAY + 1, nothingStrange, progress);
          expect(filled).toBe(missing);
          for (const record of written) expect(archive.records.get(`${record.chain}/${record.seq}`)).toEqual(record);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('passes over fifty years without records in a few steps', async () => {
    const at = 55 * 365 * DAY + 12_345_677;
    await write('policy', at);
    const archive = new Kept();
    const through: number[] = [];
    await fillSince({ trail: stores.audit, archive }, 0, at + DAY, nothingStrange, async (to) => {
      through.push(to);
      return true;
    });
    expect(archive.records.size).toBe(1);
    expect(through.length).toBeLessThan(200);
    expect(through.at(-1)).toBe(at + DAY);
  });

  test('ends when it is told to, with everything before that in the archive', async () => {
    await write('policy', 0);
    await write('policy', 5 * SLICE_MS);
    const archive = new Kept();
    let end = 0;
    await fillSince({ trail: stores.audit, archive }, 0, DAY, nothingStrange, async (to) => {
      end = to;
      return false;
    });
    expect([end, archive.records.size]).toEqual([SLICE_MS, 1]);
  });

  test('names the chains that had gaps, with the end of what was compared', async () => {
    const archive = new Kept();
    await archive.put(await write('user:a', 1));
    await write('policy', 1);
    await write('policy', 2);
    const grown: unknown[] = [];
    await fillSince({ trail: stores.audit, archive }, 0, SLICE_MS, nothingStrange, async (_, step) => {
      grown.push(...step.grown);
      return true;
    });
    expect(grown).toEqual([{ chain: 'policy', seq: 2 }]);
  });

  test('tells of a row that is no record, and goes on', async () => {
    const record = await write('policy', 1);
    const trail = {
      query: async () => ({ items: [{ chain: 'user:x', seq: 4, unreadable: 'it is not JSON' }, record] }),
    };
    const archive = new Kept();
    const strange: unknown[] = [];
    await fillSince(
      { trail, archive },
      0,
      SLICE_MS,
      (...where) => void strange.push(where),
      async () => true,
    );
    expect([strange, archive.records.size]).toEqual([[['user:x', 4]], 1]);
  });
});
