/** What a message leaves on the heap: the whole path in memory, garbage collected before and after. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../adapters/node/clock.ts';
import { ADMITTED } from '../core/limits/admission.ts';
import { ORDER } from '../core/limits/kinds.ts';
import { KEEP } from '../edge/fix/session/ports.ts';
import { type Figure, figure } from './figures.ts';
import { OrderReader, ReportWriter } from './fix-path.ts';
import { granted, openLimiter, temporaryJournal } from './micro.ts';
import { ORDER_BYTES } from './orders.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Sizes } from './sizes.ts';

const BATCH = 64;
const SLICE = 8_192;
/** Messages the session keeps for resends: it has as many before as after, so that they do not count. */
const RETENTION = 1_000;

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  return () => {
    for (let i = 0; i < 3; i++) gc();
  };
}

/** Order in, admitted, report out, journalled: bytes per message that outlive it, beside the message's own. */
export async function heap(sizes: Sizes): Promise<Figure[]> {
  const directory = makeScratch();
  const collect = collector();
  const reader = await OrderReader.open();
  const writer = new ReportWriter();
  const { user, close } = openLimiter();
  const kept = temporaryJournal(directory);
  try {
    const store = kept.session('bench', { retention: RETENTION });
    const run = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += SLICE) {
        const end = Math.min(count, done + SLICE);
        for (let i = done; i < end; i++) {
          const nowMs = systemClock.now();
          const message = reader.next();
          if (message.msgSeqNum < 0) throw new Error('an order without a number');
          if (user.admit(ORDER, nowMs) !== ADMITTED) await granted(user);
          const next = store.nextOut;
          const start = writer.write(next, nowMs);
          store.setNextIn(next);
          store.append(next, writer.encoder.buf, start, writer.encoder.length, nowMs, KEEP);
          if (i % BATCH !== 0) continue;
          kept.flush();
          writer.encoder.clear();
        }
        await nextTurn();
      }
      kept.flush();
      writer.encoder.clear();
    };
    await run(Math.max(sizes.heap_messages / 4, 2 * RETENTION));
    collect();
    const before = process.memoryUsage();
    await run(sizes.heap_messages);
    collect();
    const after = process.memoryUsage();
    const grown = after.heapUsed - before.heapUsed + after.external - before.external;
    const settings = `${sizes.heap_messages} orders parsed, admitted, answered and journalled`;
    const bytes = grown / sizes.heap_messages;
    return [figure('heap', bytes, 'B', ["the message's bytes", ORDER_BYTES], settings, { of: 'value', most: 1 })];
  } finally {
    await close();
    await kept.close();
    removeScratch(directory);
  }
}
