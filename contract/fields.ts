/** Fields that several requests and replies share. Everything from outside has its bound here. */
import * as z from 'zod';
import { AUDIT_TYPES } from '../core/audit/model.ts';
import type { CredentialStatus } from '../core/credentials/model.ts';
import { RULE_TYPES } from '../core/eligibility/model.ts';
import { SETTINGS } from '../core/sessions/profile.ts';

/** Largest number of any fact or threshold: doubles are exact to 2^53, and DynamoDB keeps 38 digits. */
const MAX_NUMBER = 1e15;
/** Smaller than any cent: below it a number is noise, and the store has no room for its exponent. */
const MIN_FRACTION = 1e-9;
const MAX_RATE = 1_000_000_000;
/** Longest CEL expression: a page of conditions. The compiler has the same bound. */
export const MAX_EXPRESSION = 1024;

const visible = (value: string) => value.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(value);

/** One line of text for people. */
export const line = (max: number) =>
  z.string().min(1).max(max).refine(visible, 'has control characters or broken Unicode');

export const userId = z
  .string()
  .regex(/^[A-Za-z0-9_.:@+-]{1,128}$/, '1 to 128 of A-Z a-z 0-9 _ . : @ + -')
  .describe('The firm’s own id of the user');
export const compId = z.string().regex(/^[A-Za-z0-9_.:/-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ . : / -');
export const keyId = z
  .string()
  .regex(/^[A-Za-z0-9_.:/-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ . : / -')
  .describe('By which the client names the key in Username (553)');
/** A PEM block of a key is 113 characters, with line ends of any kind. */
export const publicKey = z
  .string()
  .min(1)
  .max(500)
  .describe('Ed25519: PEM (SPKI, RFC 8410), its DER in base64, or the 32 bytes in base64');
export const graceSeconds = z.int().min(0).max(2_419_200).default(0);
export const beginString = z.enum(SETTINGS.begin_strings.fallback as readonly [string, ...string[]]);
export const senderSubId = z.string().regex(/^[\x20-\x7e]{0,64}$/, 'at most 64 printable ASCII characters');
/** As far as fifteen digits go, with room to count on. */
export const msgSeqNum = z.int().min(1).max(999_999_999_999);
export const sessionId = z.string().regex(/^[A-Za-z0-9_.:-]{1,200}$/, '1 to 200 of A-Z a-z 0-9 _ . : -');
export const edgeId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 _ -');
export const tierName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, '1 to 64 of a-z 0-9 _ -, not _ or - first');
export const ruleId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, '1 to 64 of A-Z a-z 0-9 _ . -, no punctuation first');
export const group = line(64);
export const groups = z.array(group).max(100);
export const reason = line(500).describe('Why; kept in the audit trail. On a kill the client sees it.');
/** Part of an index key, of which the store takes 2048 bytes: three a character, or three for an escaped one. */
export const principal = line(512);
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable ASCII characters');

const finite = z
  .number()
  .refine((value) => value === 0 || Math.abs(value) >= MIN_FRACTION, `0, or at least ${MIN_FRACTION}`);
/** Any finite amount, negative ones too: a balance can be. */
export const amount = finite.min(-MAX_NUMBER).max(MAX_NUMBER);
export const quantity = finite.min(0).max(MAX_NUMBER);
export const rate = z.int().min(1).max(MAX_RATE);

export const version = z.int().min(0).describe('Rises with each change of the object');
export const count = z.int().min(0);
/** ISO 8601 with an offset, as requests give it and replies show it (UTC, milliseconds). */
export const timestamp = z.iso.datetime({ offset: true });
/** An offset can push the last hours of 9999 into a year that has no four digits any more. */
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/** A time that a request gives. What is no time at all is said once. */
export const instant = timestamp.refine((text) => !(Date.parse(text) > LAST_INSTANT), 'is after the year 9999 in UTC');

export const credentialStatus = z.enum(['active', 'suspended', 'revoked'] satisfies CredentialStatus[]);
export const ruleType = z.enum(RULE_TYPES);

/** All types of audit records. */
export const auditType = z.enum(AUDIT_TYPES);

/** What every change takes. */
export const change = {
  reason: reason.optional(),
  if_version: version.optional().describe('Change only while the object has this version'),
};

/** A number in a query string: plain decimal digits. */
const digits = z.string().regex(/^(0|[1-9]\d{0,8})$/, 'a whole number');

/** Items of a page: the most that may be asked for, and how many there are when nobody asks. */
export const MAX_LIMIT = 1000;
export const DEFAULT_LIMIT = 100;

/** Of a kill or a lock. */
export const cancelOrders = z
  .boolean()
  .default(false)
  .describe('The venue cancels what they have resting, of a user also what was left behind by sessions that are over');

/** What every list takes. */
export const paging = {
  limit: digits.transform(Number).pipe(z.int().min(1).max(MAX_LIMIT)).optional().describe('Most items of the reply'),
  cursor: z.string().min(1).max(4096).optional().describe('Of the list’s last reply, for the same filters'),
};
/** What every list answers beside its items. */
export const more = { cursor: z.string().optional().describe('There is more: ask again with it') };

/** What FIX fields carry unharmed in every version and every engine. */
const printable = /^[\x20-\x7e]+$/;
export const headline = z.string().min(1).max(100).regex(printable, 'printable ASCII');
/** Lines are separated by \n: each is a Text (58) of its own where the version repeats it. */
export const noticeText = z
  .string()
  .min(1)
  .max(1000)
  .refine((text) => text.split('\n').every((line) => printable.test(line)), 'printable ASCII, no empty lines')
  .refine((text) => text.split('\n').length <= 10, 'at most ten lines')
  .describe('Printable ASCII in at most ten lines, separated by \\n');

export const target = { user_id: userId.optional(), sender_comp_id: compId.optional() };

/** Exactly one of the keys, each problem at a path of its own. */
export function exactlyOne<T extends z.ZodRawShape>(
  schema: z.ZodObject<T>,
  keys: readonly (keyof T & string)[],
): z.ZodObject<T> {
  const checked = schema.check((context) => {
    const given = keys.filter((key) => (context.value as Record<string, unknown>)[key] !== undefined);
    if (given.length === 1) return;
    const message =
      given.length === 0 ? `one of ${keys.join(', ')} is required` : `only one of ${keys.join(', ')} may be given`;
    for (const key of given.length === 0 ? keys.slice(0, 1) : given.slice(1)) {
      context.issues.push({ code: 'custom', message, path: [key], input: context.value });
    }
  });
  return checked.meta({ oneOf: keys.map((key) => ({ required: [key] })) });
}

export const certificateFingerprints = z
  .array(z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in 64 lower-case hex digits'))
  .min(1)
  .max(10)
  .describe(
    'SHA-256 of the client certificates (DER), one of which its logons must show in TLS; left out: none is asked for',
  );
