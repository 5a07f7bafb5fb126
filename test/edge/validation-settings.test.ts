// What the validation settings mean, by QuickFIX's own words, over a deployer's dictionary and through the whole edge.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ProfileOverrides } from '../../core/sessions/profile.ts';
import { encodeFix, type Field, type FixClient, utcTimestamp } from '../../local/fix-client.ts';
import { type Account, TestHouse, until } from './support/desk.ts';
import { houseXml } from './support/dictionaries.ts';

let directory: string;
let house: TestHouse;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fixgate-validation-'));
  const xml = await houseXml('FIX.4.4', {
    fields: [
      [7001, 'HouseNote', 'STRING'],
      [7002, 'HouseSide', 'CHAR', ['A', 'B']],
    ],
    members: { D: [7001], F: [7002] },
  });
  writeFileSync(join(directory, 'house.xml'), xml);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

const open = (gateway: ProfileOverrides = {}) =>
  house.open({
    env: {
      FIXGATE_DICTIONARIES: directory,
      FIXGATE_SESSION_PROFILE: JSON.stringify({ data_dictionary: ['house.xml'], ...gateway }),
    },
  });

const now = (): string => utcTimestamp(new Date());
const ORDER: readonly Field[] = [
  [11, 'a'],
  [55, 'IBM'],
  [54, 1],
  [60, '20260101-00:00:00'],
  [38, 100],
  [40, 1],
];

/** A NewOrderSingle whose fields stand just so; 8, 9, 35 and 10 are added. */
function raw(client: FixClient, account: Account, n: number, fields: readonly Field[], trailer?: string): void {
  const header: Field[] = [
    [35, 'D'],
    [49, account.sender_comp_id],
    [56, account.target_comp_id],
    [52, now()],
  ];
  const numbered: Field[] = [...header, [34, n], ...fields];
  const order = fields.some(([tag]) => tag === 34) ? [...header, ...fields] : numbered;
  const text = encodeFix('FIX.4.4', order);
  client.sendRaw(trailer === undefined ? text : text.replace(/10=\d{3}\x01$/, trailer));
}

const without = (tag: number): Field[] => ORDER.filter(([own]) => own !== tag);

/** `ok`, `373/371`; `ignored` when a TestRequest behind it is what is answered, by a ResendRequest for it. */
async function verdict(profile: ProfileOverrides, fields: readonly Field[], trailer?: string): Promise<string> {
  const edge = await open();
  const account = await house.user('alice', { session_profile: profile });
  const client = house.client(edge, account);
  await client.logon(account.password);
  raw(client, account, 2, fields, trailer);
  client.nextOut = 3;
  client.send('1', [[112, 'after']]);
  const reply = await client.next(({ type }) => type === 'D' || type === '3' || type === '2');
  await house.close();
  house = new TestHouse();
  if (reply.type === 'D') return 'ok';
  return reply.type === '2' ? 'ignored' : `${reply.get(373) ?? ''}/${reply.get(371) ?? ''}`;
}

const PARTIES: readonly Field[] = [
  [453, 1],
  [448, 'A'],
  [452, 1],
  [447, 'D'],
];

describe('with its default, and with the other value', () => {
  test.each<[ProfileOverrides, string, Field[], string, string]>([
    [{ validate_fields_out_of_order: false }, 'a header field in the body', [...ORDER, [34, 2]], '14/34', 'ok'],
    [{ validate_fields_have_values: false }, 'an empty field', [...ORDER, [58, '']], '4/58', 'ok'],
    [{ validate_fields_have_values: false }, 'an empty required field', [...without(55), [55, '']], '4/55', 'ok'],
    [{ validate_fields_have_values: false }, 'a required field that is not there', without(54), '1/54', '1/54'],
    [
      { validate_user_defined_fields: false },
      'a user-defined field nobody knows',
      [...ORDER, [7009, 'x']],
      '0/7009',
      'ok',
    ],
    [{ validate_user_defined_fields: false }, 'one of another message', [...ORDER, [7002, 'A']], '2/7002', 'ok'],
    [{ validate_user_defined_fields: false }, 'its value all the same', [...ORDER, [7002, 'C']], '5/7002', '5/7002'],
    [{ validate_user_defined_fields: false }, 'a field below 5000', [...ORDER, [4999, 'x']], '0/4999', '0/4999'],
    [{ allow_unknown_msg_fields: true }, 'a field nobody knows', [...ORDER, [4999, 'x']], '0/4999', 'ok'],
    [{ allow_unknown_msg_fields: true }, 'one of another message', [...ORDER, [262, 'x']], '2/262', 'ok'],
    [{ allow_unknown_msg_fields: true }, 'a user-defined field', [...ORDER, [7009, 'x']], '0/7009', '0/7009'],
    [{ validate_unordered_group_fields: false }, 'an entry out of order', [...ORDER, ...PARTIES], '15/447', 'ok'],
  ])('%j: %s', async (profile, _what, fields, strict, lax) => {
    expect([await verdict({}, fields), await verdict(profile, fields)]).toEqual([strict, lax]);
  });

  test('requires_orig_sending_time: a PossDup without it', async () => {
    const fields: Field[] = [[43, 'Y'], ...ORDER];
    expect(await verdict({}, fields)).toBe('1/122');
    expect(await verdict({ requires_orig_sending_time: false }, fields)).toBe('ok');
  });

  test('validate_checksum and reject_garbled_message: a wrong CheckSum, and one that is none', async () => {
    const wrong = '10=999\x01';
    expect(await verdict({}, ORDER, wrong)).toBe('ignored');
    expect(await verdict({ validate_checksum: false }, ORDER, wrong)).toBe('ok');
    expect(await verdict({ reject_garbled_message: true }, ORDER, wrong)).toBe('/');
    expect(await verdict({ validate_checksum: false, reject_garbled_message: true }, ORDER, '10=x\x01')).toBe(
      'ignored',
    );
  });
});

test('a Logon with a wrong CheckSum goes by the gateway’s setting', async () => {
  const logon = async (gateway: ProfileOverrides, own: ProfileOverrides) => {
    const edge = await open(gateway);
    const account = await house.user('alice', { session_profile: own });
    const client = house.client(edge, account);
    await client.connect();
    const fields: Field[] = [
      [35, 'A'],
      [49, account.sender_comp_id],
      [56, account.target_comp_id],
      [34, 1],
      [52, now()],
      [98, 0],
      [108, 30],
      [554, account.password],
    ];
    client.sendRaw(encodeFix('FIX.4.4', fields).replace(/10=\d{3}/, '10=999'));
    let closed = false;
    void client.closed().then(() => {
      closed = true;
    });
    await until('an answer, or the end', () => closed || client.received.length > 0);
    const said = client.received[0]?.type ?? 'closed';
    await house.close();
    house = new TestHouse();
    return said;
  };
  expect(await logon({}, { validate_checksum: false })).toBe('closed');
  expect(await logon({ validate_checksum: false }, { validate_checksum: true })).toBe('A');
});
