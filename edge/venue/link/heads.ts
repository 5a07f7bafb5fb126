/** What the heads of frames say, checked where they come in. */

import { z } from 'zod';
import type { VenueSession } from '../venue.ts';
import { PRESENT } from './limits.ts';

/** Of the link itself; another one is refused. */
export const LINK_VERSION = 2;

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().min(1).max(200);

const session = z.object({
  id: name,
  user_id: name,
  begin_string: name,
  appl_ver_id: z.string().max(10),
  sender_comp_id: name,
  sender_sub_id: z.string().max(200),
  target_comp_id: name,
  cancel_after_ms: whole.optional(),
  epoch: whole.optional(),
}) as unknown as z.ZodType<VenueSession>;

/** Of an edge: `boot` is its process, `log` its mailroom. */
export const edgeHello = z.object({
  version: z.literal(LINK_VERSION),
  edge_id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  boot: name,
  log: name,
  /** The venue's log that `received` is a number of; '' or absent: whichever there is. */
  knows: z.string().max(200).optional(),
  received: whole,
  /** Orders of numbers up to this one have waited for too long. */
  stale: whole,
  /** It says ALIVE, and is told it; absent: of a release before. */
  beats: z.boolean().optional(),
  /** Whose clients are there now. */
  present: z.array(session).max(PRESENT),
});
export type EdgeHello = z.infer<typeof edgeHello>;

export const venueHello = z.object({
  version: z.literal(LINK_VERSION),
  log: name,
  received: whole,
  beats: z.boolean().optional(),
});
export type VenueHello = z.infer<typeof venueHello>;

export const ack = z.object({ received: whole });

export const submit = z.object({
  session,
  generation: whole,
  msg_seq_num: whole,
  recovered: z.boolean(),
});

/** `boot`: of the edge's process that says so; absent: of a release before. */
export const aboutSession = z.object({ session, boot: name.optional() });

/** When an administrator asked for it, epoch ms; absent: of a release before. */
const asked_at = whole.optional();

export const massCancel = z.discriminatedUnion('of', [
  z.object({ of: z.literal('session'), id: name, asked_at }),
  z.object({ of: z.literal('users'), user_ids: z.array(name), asked_at }),
  z.object({ of: z.literal('everybody'), asked_at }),
]);

/** `number`: of all reports on the session, ever; absent of those that are worthless later. */
export const report = z.object({ session, msg_type: whole, number: whole.optional() });

export const claimed = z.object({ id: name, epoch: whole, generation: whole, msg_seq_num: whole });
