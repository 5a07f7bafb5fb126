import { Sha256 } from '@aws-crypto/sha256-js';
import { describe, expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { MAX_SKEW_MS, type SignedRequest, verifySignature } from '../../local/sigv4.ts';

const KEY = 'AKIALOCALEXAMPLE';
const SECRET = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY-local';
const OPTIONS = {
  region: 'us-east-1',
  service: 'execute-api',
  secretOf: (id: string) => (id === KEY ? SECRET : undefined),
};
const NOW = Date.parse('2026-03-01T12:00:00Z');

interface Draft {
  method?: string;
  path?: string;
  query?: Record<string, string>;
  body?: string;
  at?: number;
  secret?: string;
  headers?: Record<string, string>;
}

/** Signed by the SDK's signer, an implementation independent of the verifier. */
async function signed({
  method = 'POST',
  path = '/admin/fix/provision',
  query = {},
  body = '{"user_id":"alice"}',
  at = NOW,
  secret = SECRET,
  headers = {},
}: Draft = {}): Promise<SignedRequest> {
  const signer = new SignatureV4({
    service: OPTIONS.service,
    region: OPTIONS.region,
    credentials: { accessKeyId: KEY, secretAccessKey: secret },
    sha256: Sha256,
  });
  const result = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: '127.0.0.1',
      path,
      query,
      headers: { host: '127.0.0.1:8080', ...headers },
      body,
    },
    { signingDate: new Date(at) },
  );
  const search = Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  return {
    method,
    target: search === '' ? path : `${path}?${search}`,
    rawHeaders: Object.entries(result.headers).flat(),
    body: Buffer.from(body),
  };
}

const verify = (request: SignedRequest, now = NOW) => verifySignature(request, OPTIONS, now);
const without = (request: SignedRequest, name: string): SignedRequest => ({
  ...request,
  rawHeaders: request.rawHeaders.filter((_, i, all) => (all[i - (i % 2)] as string).toLowerCase() !== name),
});
const withHeader = (request: SignedRequest, name: string, value: string): SignedRequest => ({
  ...request,
  rawHeaders: [...request.rawHeaders, name, value],
});

describe('Signature Version 4', () => {
  test('a request signed by the SDK verifies', async () => {
    expect(verify(await signed())).toEqual({ ok: true, access_key_id: KEY });
  });

  test('any query verifies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string({ maxLength: 12 }), { maxKeys: 4 }),
        async (query) => {
          expect(verify(await signed({ method: 'GET', body: '', query })).ok).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a query signed as it was sent, unsorted, verifies', async () => {
    const request = await signed({ method: 'GET', body: '', query: { a: '1', b: '2' } });
    expect(verify(request).ok).toBe(true);
    expect(verify({ ...request, target: '/admin/fix/provision?a=1&b=3' }).ok).toBe(false);
  });

  test('whatever is changed after signing is found', async () => {
    const request = await signed();
    const changed: SignedRequest[] = [
      { ...request, method: 'PUT' },
      { ...request, target: '/admin/fix/revoke' },
      { ...request, target: `${request.target}?a=1` },
      { ...request, body: Buffer.from('{"user_id":"mallory"}') },
      {
        ...request,
        rawHeaders: request.rawHeaders.map((value) => (value === '127.0.0.1:8080' ? 'elsewhere:8080' : value)),
      },
    ];
    for (const attempt of changed) expect(verify(attempt)).toMatchObject({ ok: false, code: 'signature_invalid' });
  });

  test('a wrong secret and an unknown key are told alike', async () => {
    const wrong = verify(await signed({ secret: 'another' }));
    const unknown = verifySignature(await signed(), { ...OPTIONS, secretOf: () => undefined }, NOW);
    expect(wrong).toEqual(unknown);
    expect(wrong).toMatchObject({ ok: false, code: 'signature_invalid' });
  });

  test('no Authorization header is unsigned', async () => {
    expect(verify(without(await signed(), 'authorization'))).toMatchObject({ ok: false, code: 'unsigned' });
  });

  test.each([
    ['before', -MAX_SKEW_MS - 1000, false],
    ['just before', -MAX_SKEW_MS, true],
    ['just after', MAX_SKEW_MS, true],
    ['after', MAX_SKEW_MS + 1000, false],
  ])('a clock %s is %s off', async (_, offset, ok) => {
    const verdict = verify(await signed({ at: NOW + offset }));
    expect(verdict.ok).toBe(ok);
    if (!verdict.ok) expect(verdict.code).toBe('signature_expired');
  });

  test('query-string authentication, session tokens and unsigned x-amz headers are refused', async () => {
    const query = without(await signed(), 'authorization');
    expect(verify({ ...query, target: '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00' })).toMatchObject({
      code: 'signature_invalid',
    });
    expect(verify(await signed({ headers: { 'x-amz-security-token': 'token' } }))).toMatchObject({
      code: 'signature_invalid',
      text: expect.stringContaining('session token'),
    });
    expect(verify(withHeader(await signed(), 'x-amz-meta', 'smuggled'))).toMatchObject({
      code: 'signature_invalid',
      text: expect.stringContaining('x-amz-meta'),
    });
  });

  test('an unsigned payload is refused', async () => {
    const request = await signed({ headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } });
    expect(verify(request)).toMatchObject({ ok: false, code: 'signature_invalid' });
  });

  test('another region or service is refused by name', async () => {
    const elsewhere = verifySignature(await signed(), { ...OPTIONS, region: 'eu-west-1' }, NOW);
    expect(elsewhere).toMatchObject({ ok: false, text: expect.stringContaining('eu-west-1') });
  });

  test('no header makes it throw', async () => {
    const request = await signed();
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.webPath(), (authorization, target) => {
        expect(
          verify({ ...withHeader(without(request, 'authorization'), 'Authorization', authorization), target }).ok,
        ).toBe(false);
      }),
    );
  });
});
