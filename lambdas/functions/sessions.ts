/** Ending live sessions. */
import { killSessions } from '../admin/sessions-kill.ts';
import { resetSequence } from '../admin/sessions-sequence-reset.ts';
import { setSequence } from '../admin/sessions-sequence-set.ts';
import { createHandler } from '../handler.ts';
import type { Operations } from '../services.ts';
import { wiredServices } from '../wiring.ts';

export const operations: Operations = { killSessions, setSequence, resetSequence };

export const handler = createHandler(operations, wiredServices);
