/** What hostile peers send, as bytes: one list for the harness, which repeats and times it, and for the tests. */
import { encodeFix, type Field, utcTimestamp } from '../../local/fix-client.ts';

export interface Account {
  readonly sender_comp_id: string;
  readonly target_comp_id: string;
  readonly password: string;
}

/** What one connection sends: in the place of a Logon, or after it. */
export interface Payload {
  readonly name: string;
  /** Sent after a good Logon, which used number 1; otherwise it is the first thing heard of the peer. */
  readonly afterLogon: boolean;
  bytes(account: Account): Buffer;
}

const VERSION = 'FIX.4.4';
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
/** A tag as it stands, however it looks. */
const tag = (text: string): number => text as unknown as number;

export const message = (fields: readonly Field[]): Buffer => latin1(encodeFix(VERSION, fields));

export function header({ sender_comp_id, target_comp_id }: Account, type: string, n: number | string): Field[] {
  return [
    [35, type],
    [34, n],
    [49, sender_comp_id],
    [52, utcTimestamp(new Date())],
    [56, target_comp_id],
  ];
}

/** A Logon in order; both sides begin at 1. */
export function logon(account: Account, more: readonly Field[] = [], n: number | string = 1): Buffer {
  const proof: Field[] = [
    [98, 0],
    [108, 30],
    [141, 'Y'],
    [554, account.password],
  ];
  return message([...header(account, 'A', n), ...proof, ...more]);
}

export function order(account: Account, n: number, clOrdId: string, more: readonly Field[] = []): Buffer {
  const body: Field[] = [
    [11, clOrdId],
    [38, 1],
    [40, 1],
    [54, 1],
    [55, 'X'],
    [60, utcTimestamp(new Date())],
  ];
  return message([...header(account, 'D', n), ...body, ...more]);
}

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const MEGABYTE = 1 << 20;
/** Bytes that look like noise, and the same each time. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 0x9e3779b9;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

const stranger = (name: string, bytes: Payload['bytes']): Payload => ({ name, afterLogon: false, bytes });
const client = (name: string, bytes: Payload['bytes']): Payload => ({ name, afterLogon: true, bytes });

/** As many such messages with rising numbers as a batch read may hold. */
const batch = (count: number, make: (n: number) => Buffer): Buffer => Buffer.concat(many(count, (i) => make(2 + i)));

/** Values that a header's numbers may take and must not. */
const PAST_2_63 = ['9223372036854775808', '18446744073709551616', '99999999999999999999', '1e9', '-1', '0'];

export const PAYLOADS: readonly Payload[] = [
  stranger('garbage', () => noise(64 * 1024)),
  stranger('a TLS hello', () => Buffer.from('160301020001000001fc0303', 'hex')),
  stranger('HTTP', () => latin1('GET / HTTP/1.1\r\nHost: fix\r\n\r\n')),
  stranger('a giant BodyLength', () => latin1('8=FIX.4.4\x019=9999999999\x0135=A\x01')),
  stranger('a BodyLength of 400 digits', () => latin1(`8=FIX.4.4\x019=${'9'.repeat(400)}\x0135=A\x01`)),
  stranger('a negative BodyLength', () => latin1('8=FIX.4.4\x019=-5\x0135=A\x0110=000\x01')),
  stranger('no SOH for megabytes', () => Buffer.concat([latin1('8='), Buffer.alloc(4 * MEGABYTE, 0x46)])),
  stranger('NULs', () => Buffer.alloc(MEGABYTE)),
  stranger('8-bit noise in a Logon', (a) => logon(a, [[58, noise(2000).toString('latin1').replaceAll('\x01', ' ')]])),
  stranger('half a Logon', (a) => logon(a).subarray(0, 60)),
  stranger('a CompID of 2000 characters', (a) => logon({ ...a, sender_comp_id: 'X'.repeat(2000) })),
  ...PAST_2_63.map((n) => stranger(`a Logon numbered ${n}`, (a) => logon(a, [], n))),
  stranger('a tag of 1000 digits in a Logon', (a) => logon(a, [[tag('1'.repeat(1000)), 'x']])),
  stranger('a tag 500 times in a Logon', (a) =>
    logon(
      a,
      many(500, () => [58, 'x'] as const),
    ),
  ),
  stranger('a group of 10^9 entries in a Logon', (a) =>
    logon(a, [
      [384, 1_000_000_000],
      [372, 'D'],
      [385, 'S'],
    ]),
  ),
  stranger('RawData of 10^9 bytes in a Logon', (a) =>
    logon(a, [
      [95, 1_000_000_000],
      [96, 'x'],
    ]),
  ),
  stranger('RawData with SOH and a message in it in a Logon', (a) => {
    const inner = message(header(a, '0', 2)).toString('latin1');
    return logon(a, [
      [95, inner.length],
      [96, inner],
    ]);
  }),

  client('garbage', () => noise(256 * 1024)),
  client('no SOH for megabytes', () => Buffer.alloc(3 * MEGABYTE, 0x41)),
  client('a giant BodyLength', () => latin1('8=FIX.4.4\x019=9999999999\x0135=D\x01')),
  client('a negative BodyLength', () => latin1('8=FIX.4.4\x019=-5\x0135=D\x0110=000\x01')),
  client('NULs', () => Buffer.alloc(MEGABYTE)),
  client('NULs in values', (a) => batch(500, (n) => order(a, n, `\x00\x00${n}`))),
  client('8-bit values', (a) => batch(500, (n) => order(a, n, `\xff\x80${n}`, [[58, '\xfe\xff\x00\x80']]))),
  client('a tag of 1000 digits', (a) => batch(500, (n) => order(a, n, 'x', [[tag('1'.repeat(1000)), 'x']]))),
  client('a negative tag', (a) => batch(500, (n) => order(a, n, 'x', [[-11, 'x']]))),
  client('a tag 1000 times', (a) =>
    batch(100, (n) =>
      order(
        a,
        n,
        'x',
        many(1000, () => [11, 'x'] as const),
      ),
    ),
  ),
  client('more fields than a message may have', (a) =>
    batch(50, (n) =>
      order(
        a,
        n,
        'x',
        many(4000, (i) => [6000 + i, 'x'] as const),
      ),
    ),
  ),
  client('groups of 10^9 entries', (a) =>
    batch(500, (n) =>
      order(a, n, 'x', [
        [453, 1_000_000_000],
        [448, 'a'],
      ]),
    ),
  ),
  client('groups within groups without end', (a) =>
    batch(100, (n) =>
      order(
        a,
        n,
        'x',
        many(1000, (i) => [i % 2 === 0 ? 453 : 802, 1_000_000_000] as const),
      ),
    ),
  ),
  client('RawData with SOH in it', (a) => {
    const news: Field[] = [
      [148, 'x'],
      [33, 1],
      [58, 'x'],
      [95, 9],
      [96, '\x01\xff\x0110=1\x01\x00'],
    ];
    return batch(500, (n) => message([...header(a, 'B', n), ...news]));
  }),
  client('RawData longer than its message', (a) =>
    batch(500, (n) => message([...header(a, 'B', n), [148, 'x'], [33, 1], [58, 'x'], [95, 999_999_999], [96, 'x']])),
  ),
  ...PAST_2_63.map((n) => client(`MsgSeqNum ${n}`, (a) => message(header(a, '0', n)))),
  client('a gap of 10^14', (a) => message(header(a, '0', '100000000000000'))),
  client('NewSeqNo 2147483647', (a) => message([...header(a, '4', 2), [36, 2_147_483_647]])),
  client('NewSeqNo 10^15', (a) => message([...header(a, '4', 2), [36, '1000000000000000']])),
  client('a resend of everything there could be, 500 times', (a) =>
    batch(500, (n) => message([...header(a, '2', n), [7, 1], [16, 999_999_999]])),
  ),
  client('a queue of a gap never filled', (a) => Buffer.concat(many(6000, (i) => order(a, 3 + i, 'x'.repeat(300))))),
  client('messages as long as they may be', (a) => batch(40, (n) => order(a, n, 'x', [[58, 'x'.repeat(60_000)]]))),
  client('a message longer than it may be', (a) => order(a, 2, 'x', [[58, 'x'.repeat(70_000)]])),
];
