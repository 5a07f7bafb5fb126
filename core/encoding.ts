/** Bytes as text: the few encodings that the domain needs, without the runtime's own (core imports only core). */

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** RFC 4648 section 6. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return toBits(bytes, 6, BASE64URL);
}

/** Base32 without padding (RFC 4648 section 6). */
export function toBase32(bytes: Uint8Array): string {
  return toBits(bytes, 5, BASE32);
}

/** The bytes of a base64url text; undefined when it is none, or not the one canonical spelling of its bytes. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    const value = BASE64URL.indexOf(character);
    if (value < 0) return undefined;
    held = ((held << 6) | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  // Six or more bits left over, or any of them set: another text stands for the same bytes.
  return bits < 6 && (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

/** The bytes of a base64 text of either alphabet (RFC 4648 sections 4 and 5), padded or not; undefined when it is none. */
export function fromBase64(text: string): Uint8Array | undefined {
  const [, characters = '', padding = ''] = /^([A-Za-z0-9+/_-]*)(={0,2})$/.exec(text) ?? [];
  if (characters.length + padding.length !== text.length) return undefined;
  if (padding !== '' && text.length % 4 !== 0) return undefined;
  return fromBase64Url(characters.replaceAll('+', '-').replaceAll('/', '_'));
}

/** Base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  const text = toBase64Url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function toBits(bytes: Uint8Array, width: number, alphabet: string): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += alphabet.charAt((held >> bits) & ((1 << width) - 1));
    }
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (width - bits)) & ((1 << width) - 1));
}
