/** Live sessions: ending them, telling them something, and the numbers of those that are away. */
import { killSessions } from '../admin/sessions-kill.ts';
import { notifySessions } from '../admin/sessions-notify.ts';
import { resetSequence } from '../admin/sessions-sequence-reset.ts';
import { setSequence } from '../admin/sessions-sequence-set.ts';
import { createHandler } from '../handler.ts';
import type { Operations } from '../services.ts';
import { keylessServices } from '../wiring.ts';

export const operations: Operations = { killSessions, notifySessions, setSequence, resetSequence };

export const handler = createHandler(operations, keylessServices);
