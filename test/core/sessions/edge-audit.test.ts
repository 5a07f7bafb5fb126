import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { createWorld } from '../../../adapters/memory/world.ts';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { link, verifyChain } from '../../../core/audit/chain.ts';
import { EMPTY_CHAIN } from '../../../core/audit/model.ts';
import { StoreUnavailable } from '../../../core/errors.ts';
import type { AuditTrail } from '../../../core/ports.ts';
import { SILENT_LOG } from '../../../core/sessions/api.ts';
import { EdgeAudit } from '../../../core/sessions/edge-audit.ts';
import { RefusalRecorder } from '../../../core/sessions/refusals.ts';
import { SimTime, seededRandom } from './world.ts';

/** What becomes of an append: it arrives, it never does, it arrives in part, or its reply is lost. */
type Fate = 'fine' | 'lost' | 'in_part' | 'reply_lost';

function writer(fates: Fate[], capacity?: number) {
  const world = createWorld();
  const { audit } = createMemoryAdapters(world);
  const time = new SimTime();
  const faulty: AuditTrail = {
    ...audit,
    append: async (records) => {
      const fate = fates.shift() ?? 'fine';
      if (fate === 'lost') throw new StoreUnavailable('lost');
      const answer = await audit.append(fate === 'in_part' ? records.slice(0, Math.ceil(records.length / 2)) : records);
      if (fate !== 'fine') throw new StoreUnavailable('no answer');
      return answer;
    },
  };
  const ports = {
    audit: faulty,
    digests: nodeDigests,
    clock: time,
    timers: time,
    random: seededRandom(1),
    log: SILENT_LOG,
  };
  const edge = new EdgeAudit(ports, { edge_id: 'e', incarnation: 1 }, capacity);
  const records = () => world.chains.get('edge:e:1') ?? [];
  return { edge, time, audit, records };
}

test('whatever becomes of appends, every record is there once, in order, in a whole chain', async () => {
  const fate = fc.constantFrom<Fate>('fine', 'lost', 'in_part', 'reply_lost');
  const steps = fc.array(
    fc.record({ notes: fc.integer({ min: 0, max: 60 }), wait: fc.integer({ min: 0, max: 500 }) }),
    {
      maxLength: 12,
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 20 }), steps, async (fates, plan) => {
      const { edge, time, records } = writer(fates);
      let noted = 0;
      for (const { notes, wait } of plan) {
        for (let i = 0; i < notes; i++) edge.note({ type: 'logon', details: { n: noted++ } });
        await time.advance(wait);
      }
      await time.advance(30_000);
      expect(records().map((one) => one.details.n)).toEqual([...Array(noted).keys()]);
      expect(await verifyChain(nodeDigests, 'edge:e:1', records())).toMatchObject({ whole: true });
      expect(edge.pending).toBe(0);
    }),
    { numRuns: 40 },
  );
}, 60_000);

test('a full buffer counts what it drops, and the count is in the next record', async () => {
  const { edge, time, records } = writer(Array(10).fill('lost'), 5);
  for (let i = 0; i < 12; i++) edge.note({ type: 'logon', details: { n: i } });
  await time.advance(5000);
  edge.note({ type: 'logon', details: { n: 12 } });
  await time.advance(1000);
  expect(records().map((one) => one.details)).toEqual([
    ...[0, 1, 2, 3, 4].map((n) => ({ n })),
    { n: 12, records_dropped_before: 7 },
  ]);
});

test('a stranger in the chain is followed, not overwritten, and nothing of ours is lost', async () => {
  const { edge, time, audit, records } = writer([]);
  const entry = {
    id: 'X',
    at: 1,
    type: 'logon',
    outcome: 'done',
    actor: { principal: 'stranger' },
    details: {},
  } as const;
  await audit.append([link(nodeDigests, 'edge:e:1', EMPTY_CHAIN, entry)]);
  edge.note({ type: 'logon', details: { n: 0 } });
  edge.note({ type: 'logon', details: { n: 1 } });
  await time.advance(5000);
  expect(records().map((one) => one.details)).toEqual([{}, { n: 0 }, { n: 1 }]);
  expect(await verifyChain(nodeDigests, 'edge:e:1', records())).toMatchObject({ whole: true });
});

test('refusals: the first three of a kind one by one, the rest counted, all accounted for', async () => {
  const time = new SimTime();
  const notes: { reason?: string | undefined; details?: Readonly<Record<string, unknown>> }[] = [];
  const recorder = new RefusalRecorder(time, (note) => notes.push(note));
  const refusal = { sender_comp_id: 'A', address: '192.0.2.1', reason: 'suspended', text: 'no', proven: true };
  for (let i = 0; i < 60; i++) {
    recorder.refused(refusal);
    await time.advance(1000);
  }
  expect(notes.map((one) => one.details?.count)).toEqual([undefined, undefined, undefined, 57]);
  recorder.refused(refusal);
  expect(notes).toHaveLength(5);
  expect(recorder.byReason).toEqual({ suspended: 61 });
});
