/** What is made up for a new credential. */
import { toBase32, toBase64Url } from '../encoding.ts';
import { Secret } from '../secret.ts';
import type { Random } from '../time.ts';

/** TargetCompID of credentials that ask for no other. */
export const DEFAULT_TARGET_COMP_ID = 'GATEWAY';

const PASSWORD_BYTES = 32;

/** A password, or the secret of an HMAC: 256 random bits as 43 characters of base64url: none of them is SOH, `=` or `|`, so that any FIX engine and any shell passes it on. */
export function generatePassword(random: Random): Secret {
  return new Secret(toBase64Url(random.bytes(PASSWORD_BYTES)));
}

/** `USER_` and 10 base32 characters (50 random bits). */
export function generateSenderCompId(random: Random): string {
  return `USER_${toBase32(random.bytes(7)).slice(0, 10)}`;
}
