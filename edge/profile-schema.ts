/** A session profile as people write it, in JSON: any of its settings over the defaults; unknown names are refused. */
import { z } from 'zod';
import { BEGIN_STRINGS } from './fix/dictionary/index.ts';
import { DEFAULT_PROFILE, type SessionProfile } from './fix/session/profile.ts';

const seconds = z.int().min(0).max(86_400);

export const profileSchema = z
  .strictObject({
    reset_on_logon: z.boolean(),
    reset_on_logout: z.boolean(),
    reset_on_disconnect: z.boolean(),
    check_latency: z.boolean(),
    max_latency: z.int().min(1).max(86_400),
    heartbeat_interval: z
      .strictObject({ min: seconds, max: seconds })
      .refine(({ min, max }) => min <= max, 'has a min above its max'),
    enable_next_expected_msg_seq_num: z.boolean(),
    enable_last_msg_seq_num_processed: z.boolean(),
    resend_request_chunk_size: z.int().min(0).max(1_000_000),
    timestamp_precision: z.enum(['seconds', 'millis', 'micros', 'nanos']),
    validate_checksum: z.boolean(),
    reject_garbled_message: z.boolean(),
    validate_fields_out_of_order: z.boolean(),
    validate_fields_have_values: z.boolean(),
    validate_user_defined_fields: z.boolean(),
    validate_unordered_group_fields: z.boolean(),
    allow_unknown_msg_fields: z.boolean(),
    requires_orig_sending_time: z.boolean(),
    persist_messages: z.boolean(),
    begin_strings: z.array(z.enum(BEGIN_STRINGS as unknown as [string, ...string[]])).min(1),
    duplicate_logon: z.enum(['probe', 'refuse', 'takeover']),
    cancel_on_disconnect: z.strictObject({ mode: z.enum(['off', 'session']), grace_ms: z.int().min(0).max(3_600_000) }),
    resend_retention: z.int().min(0).max(10_000_000),
    // The output buffer holds the queue and the longest message (limits.ts).
    max_message_bytes: z.int().min(4096).max(1_048_576),
  })
  .partial();

export type ProfileOverrides = z.output<typeof profileSchema>;

/** The defaults with `overrides` over them, frozen. */
export function sessionProfile(overrides: ProfileOverrides): SessionProfile {
  return Object.freeze({ ...DEFAULT_PROFILE, ...overrides }) as SessionProfile;
}
