/** Ending live sessions. */
import { killSessions } from '../admin/sessions-kill.ts';
import { createHandler } from '../handler.ts';
import type { Operations } from '../services.ts';
import { wiredServices } from '../wiring.ts';

export const operations: Operations = { killSessions };

export const handler = createHandler(operations, wiredServices);
