// What clients sign, byte for byte, and which public keys are taken.
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodeDigests } from '../../../adapters/node/digests.ts';
import { readPublicKey } from '../../../core/credentials/ed25519.ts';
import { ed25519Prehash, hmacPrehash, type SignedFields, signatureOf } from '../../../core/credentials/signed.ts';
import { fromBase64, toBase64 } from '../../../core/encoding.ts';
import { proofFields } from '../../../local/fix-client.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const fields = (sender: string, target: string, number: string, at: string): SignedFields => ({
  msg_type: bytes('A'),
  msg_seq_num: bytes(number),
  sender_comp_id: bytes(sender),
  target_comp_id: bytes(target),
  sending_time: bytes(at),
});

/** The example of Binance's FIX API documentation ("How to sign Logon<A> request"): a key that is published. */
const PUBLISHED = {
  private_key: `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----`,
  sender: 'EXAMPLE',
  target: 'SPOT',
  number: 1,
  at: '20240627-11:17:25.223',
  signature: '4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==',
};

describe('Ed25519', () => {
  test('is the published scheme: its example verifies, and our own client makes the same', () => {
    const { private_key, sender, target, number, at, signature } = PUBLISHED;
    const pem = createPublicKey(private_key).export({ type: 'spki', format: 'pem' }) as string;
    const key = readPublicKey(pem);
    if (!key.ok) throw new Error(key.problem);
    const prehash = ed25519Prehash(fields(sender, target, String(number), at));
    const said = signatureOf(bytes(signature), 64)!;
    expect(nodeDigests.verifyEd25519(fromBase64(key.public_key)!, prehash, said)).toBe(true);
    const other = ed25519Prehash(fields(sender, target, '2', at));
    expect(nodeDigests.verifyEd25519(fromBase64(key.public_key)!, other, said)).toBe(false);
    expect(proofFields({ type: 'ed25519', private_key, key_id: 'k' }, { sender, target, number, at })).toEqual([
      [95, 88],
      [96, signature],
      [553, 'k'],
    ]);
  });
});

const value = fc.string({
  unit: fc.integer({ min: 2, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});

test('prehashes are the bytes of the fields in their order, joined by SOH, whatever bytes they are', () => {
  fc.assert(
    fc.property(value, value, value, value, (sender, target, number, at) => {
      const given = fields(sender, target, number, at);
      const text = (prehash: Uint8Array) => Buffer.from(prehash).toString('latin1');
      expect(text(hmacPrehash(given))).toBe([at, 'A', number, sender, target].join('\x01'));
      expect(text(ed25519Prehash(given))).toBe(['A', sender, target, number, at].join('\x01'));
    }),
  );
});

describe('a signature in 96', () => {
  test('is taken in base64 of either alphabet, in hex, and as it is; in nothing else', () => {
    fc.assert(
      fc.property(fc.constantFrom(32, 64), fc.infiniteStream(fc.nat(255)), (length, stream) => {
        const raw = Uint8Array.from({ length }, () => stream.next().value);
        const buffer = Buffer.from(raw);
        const written = [
          buffer.toString('base64'),
          buffer.toString('base64').replaceAll('=', ''),
          buffer.toString('base64url'),
          buffer.toString('hex'),
          buffer.toString('hex').toUpperCase(),
          buffer.toString('latin1'),
        ];
        for (const one of written) expect(signatureOf(bytes(one), length)).toEqual(raw);
        for (const one of [`${written[0]} `, written[0]!.slice(1), `${written[3]}0`, `${written[3]!.slice(1)}x`, ''])
          expect(signatureOf(bytes(one), length)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });
});

describe('a public key', () => {
  test('is taken as PEM, as DER in base64, and as 32 bytes in base64', () => {
    for (let i = 0; i < 20; i++) {
      const { publicKey } = generateKeyPairSync('ed25519');
      const der = publicKey.export({ type: 'spki', format: 'der' });
      const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const raw = der.subarray(-32).toString('base64');
      for (const text of [pem, pem.replaceAll('\n', '\r\n'), der.toString('base64'), raw, ` ${raw}\n`])
        expect(readPublicKey(text)).toEqual({ ok: true, public_key: raw });
    }
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' });
  const x25519 = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' });
  const secret = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  test.each([
    ['of RSA', rsa as string, 'is no Ed25519 public key'],
    ['of X25519', x25519 as string, 'is no Ed25519 public key'],
    ['private', secret as string, 'is a private key'],
    ['in no form', 'ssh-ed25519 AAAA me@here', 'is neither PEM nor base64'],
    ['in another block', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'is no PEM block'],
    ['of 31 bytes', toBase64(new Uint8Array(31).fill(9)), 'is no Ed25519 public key'],
  ])('%s is refused, saying why', (_what, text, problem) => {
    expect(readPublicKey(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test('that is no point, or written in two ways, is refused', () => {
    const notOnCurve = new Uint8Array(32);
    notOnCurve[0] = 2;
    expect(readPublicKey(toBase64(notOnCurve))).toEqual({ ok: false, problem: expect.stringContaining('no point') });
    // y = p, the same as y = 0.
    const field = new Uint8Array(32).fill(0xff);
    field[0] = 0xed;
    field[31] = 0x7f;
    expect(readPublicKey(toBase64(field))).toEqual({ ok: false, problem: expect.stringContaining('no point') });
  });

  test('of small order is refused: under it one signature fits every message', () => {
    // The eight points of small order (RFC 7748 section 6 and RFC 8032 by their y): 1, -1, 0 and two of order 8, by sign.
    const y8 = [
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    ];
    const flipped = (hex: string) => hex.slice(0, 62) + (Number.parseInt(hex.slice(62), 16) | 0x80).toString(16);
    const points = [
      `01${'00'.repeat(31)}`,
      `ec${'ff'.repeat(30)}7f`,
      '00'.repeat(32),
      flipped('00'.repeat(32)),
      ...y8,
      ...y8.map(flipped),
    ];
    for (const hex of points) {
      const answer = readPublicKey(Buffer.from(hex, 'hex').toString('base64'));
      expect([hex, answer]).toEqual([hex, { ok: false, problem: expect.stringContaining('small order') }]);
    }
  });
});

test('a signature of another key does not verify, and no length of it throws', () => {
  const [mine, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  const raw = new Uint8Array(mine.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32));
  const data = bytes('what is signed');
  expect(nodeDigests.verifyEd25519(raw, data, sign(null, data, mine.privateKey))).toBe(true);
  expect(nodeDigests.verifyEd25519(raw, data, sign(null, data, other.privateKey))).toBe(false);
  for (const length of [0, 63, 65]) expect(nodeDigests.verifyEd25519(raw, data, new Uint8Array(length))).toBe(false);
});
