/** Public keys of Ed25519 (RFC 8032) as people hand them in, and which of them are worth having. */
import { fromBase64, toBase64 } from '../encoding.ts';

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** SubjectPublicKeyInfo of Ed25519 before its 32 bytes (RFC 8410 section 4). */
const SPKI_HEAD = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PEM = /^-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]*)-----END \1-----$/;

export type PublicKey =
  /** In base64. */
  { readonly ok: true; readonly public_key: string } | { readonly ok: false; readonly problem: string };

const wrong = (problem: string): PublicKey => ({ ok: false, problem });

/**
 * Reads a public key: PEM (SPKI), its DER in base64, or the 32 bytes in base64. A key of small order is refused: under
 * it anybody could sign.
 */
export function readPublicKey(text: string): PublicKey {
  const trimmed = text.trim();
  const pem = PEM.exec(trimmed);
  if (/PRIVATE KEY/.test(trimmed)) return wrong('is a private key: keep that, and send the public one');
  if (trimmed.startsWith('-----') && pem?.[1] !== 'PUBLIC KEY') return wrong('is no PEM block of a PUBLIC KEY');
  const bytes = fromBase64((pem?.[2] ?? trimmed).replace(/\s/g, ''));
  if (bytes === undefined) return wrong('is neither PEM nor base64');
  const key = bytes.length === KEY_BYTES ? bytes : afterHead(bytes);
  if (key === undefined) return wrong('is no Ed25519 public key (SPKI of RFC 8410, or its 32 bytes)');
  const point = decoded(key);
  if (point === undefined) return wrong('is no point of the curve of Ed25519');
  if (hasSmallOrder(point)) return wrong('is a point of small order, under which anybody could sign');
  return { ok: true, public_key: toBase64(key) };
}

function afterHead(der: Uint8Array): Uint8Array | undefined {
  const fits = der.length === SPKI_HEAD.length + KEY_BYTES && SPKI_HEAD.every((byte, i) => der[i] === byte);
  return fits ? der.subarray(SPKI_HEAD.length) : undefined;
}

/** The field of the curve, and d of -x² + y² = 1 + d x² y² (RFC 8032 section 5.1). */
const P = 2n ** 255n - 19n;
const D = mod(-121665n * inverse(121666n));

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** Decoding by RFC 8032 section 5.1.3; undefined: no point, or not written in the one canonical way. */
function decoded(bytes: Uint8Array): Point | undefined {
  let y = 0n;
  for (let i = KEY_BYTES - 1; i >= 0; i--) y = (y << 8n) | BigInt(bytes[i] as number);
  const sign = y >> 255n;
  y &= (1n << 255n) - 1n;
  if (y >= P) return undefined;
  const [u, v] = [mod(y * y - 1n), mod(D * y * y + 1n)];
  let x = mod(u * v ** 3n * power(mod(u * v ** 7n), (P - 5n) / 8n));
  if (mod(v * x * x) === mod(-u)) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(v * x * x) !== u || (x === 0n && sign === 1n)) return undefined;
  return { x: (x & 1n) === sign ? x : P - x, y };
}

/** Whether eight times the point is the neutral element (0, 1). */
function hasSmallOrder(point: Point): boolean {
  const eight = doubled(doubled(doubled(point)));
  return eight.x === 0n && eight.y === 1n;
}

/** The complete addition law of the curve with itself. */
function doubled({ x, y }: Point): Point {
  const dxxyy = mod(D * x * x * y * y);
  return { x: mod(2n * x * y * inverse(mod(1n + dxxyy))), y: mod((y * y + x * x) * inverse(mod(1n - dxxyy))) };
}

function mod(n: bigint): bigint {
  const rest = n % P;
  return rest < 0n ? rest + P : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

function inverse(n: bigint): bigint {
  return power(n, P - 2n);
}
