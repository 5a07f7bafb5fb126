// A deployer's own dictionaries, per gateway and per counterparty: from files in a directory to what sessions accept.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { updateProfile } from '../../core/credentials/profile.ts';
import type { ProfileOverrides } from '../../core/sessions/profile.ts';
import { ConfigError } from '../../edge/config.ts';
import type { Edge } from '../../edge/edge.ts';
import { msgTypeCode } from '../../edge/fix/tags.ts';
import type { Field, FixMessage } from '../../local/fix-client.ts';
import { utcTimestamp } from '../../local/fix-client.ts';
import { ACTOR, type Account, TestHouse, until } from './support/desk.ts';
import { type Additions, houseXml } from './support/dictionaries.ts';
import { TestEcho } from './support/echo.ts';

let directory: string;
let house: TestHouse;

/** A tag, a message, a value, a group and a data field that no standard has. */
const HOUSE: Additions = {
  fields: [
    [7001, 'HouseNote', 'STRING'],
    [7002, 'NoHouseLegs', 'NUMINGROUP'],
    [7003, 'HouseLeg', 'CHAR', ['A', 'B']],
    [7004, 'HouseSize', 'LENGTH'],
    [7005, 'HouseBlob', 'DATA'],
  ],
  messages: [['UH', 'HouseRequest', 'app', [-7001, [7002, [-7003]]]]],
  members: { D: [7001, 7004, 7005] },
  values: { 40: ['h'] },
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fixgate-dictionaries-'));
  const put = async (name: string, version: string, more: Additions) =>
    writeFileSync(join(directory, name), await houseXml(version, more));
  await put('FIX44-house.xml', 'FIX.4.4', HOUSE);
  await put('FIX44-other.xml', 'FIX.4.4', { fields: [[7001, 'OtherNote', 'INT']], members: { D: [7001] } });
  await put('FIX42-house.xml', 'FIX.4.2', HOUSE);
  await put('FIX50SP2-house.xml', 'FIX.5.0SP2', HOUSE);
  await put('FIXT11-house.xml', 'FIXT.1.1', { fields: [[7010, 'HouseHop', 'STRING']], header: [7010] });
  writeFileSync(join(directory, 'README.md'), 'no dictionary');
  writeFileSync(join(directory, '.FIX44.xml'), '<no');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  house = new TestHouse();
});
afterEach(() => house.close());

class HouseVenue extends TestEcho {
  override supports(msgType: number): boolean {
    return msgType === msgTypeCode('UH') || super.supports(msgType);
  }
}

const open = (profile: ProfileOverrides = {}, env: Readonly<Record<string, string>> = {}): Promise<Edge> =>
  house.open({
    venue: (sink) => new HouseVenue(sink),
    env: { FIXGATE_DICTIONARIES: directory, FIXGATE_SESSION_PROFILE: JSON.stringify(profile), ...env },
  });

const user = (name: string, session_profile: ProfileOverrides = {}) =>
  house.user(name, Object.keys(session_profile).length === 0 ? {} : { session_profile });

const order = (...more: Field[]): Field[] => [
  [11, 'a'],
  [55, 'IBM'],
  [54, 1],
  [60, utcTimestamp(new Date())],
  [38, 100],
  [40, 1],
  ...more,
];

interface Speaker {
  /** What comes back: the echo as `D 7001=x`, or a Reject as `3 373 371`. */
  says(type: string, fields: readonly Field[]): Promise<string>;
}

async function speaker(edge: Edge, account: Account, begin_string = 'FIX.4.4', logon: Field[] = []): Promise<Speaker> {
  const client = house.client(edge, account, { begin_string });
  const answer = await client.logon(account.password, logon);
  if (answer.type !== 'A') throw new Error(`refused: ${answer.get(58)}`);
  return {
    says: async (type, fields) => {
      client.send(type, [...fields]);
      const reply = await client.next((m) => m.type === type || m.type === '3' || m.type === 'j');
      return describeReply(reply);
    },
  };
}

function describeReply(reply: FixMessage): string {
  if (reply.type === '3') return `3 373=${reply.get(373)} 371=${reply.get(371) ?? ''}`;
  if (reply.type === 'j') return `j 380=${reply.get(380)}`;
  const own = [7001, 7003, 7005, 40].flatMap((tag) =>
    reply.get(tag) === undefined ? [] : [`${tag}=${reply.get(tag)}`],
  );
  return [reply.type, ...own].join(' ');
}

const NOTE: Field = [7001, 'x'];

describe('FIX.4.4', () => {
  test('one counterparty’s file is its own: everybody else has the bundled one', async () => {
    const edge = await open();
    const alice = await speaker(edge, await user('alice', { data_dictionary: ['FIX44-house.xml'] }));
    const bob = await speaker(edge, await user('bob', { data_dictionary: ['FIX44-other.xml'] }));
    const carol = await speaker(edge, await user('carol'));
    expect(await alice.says('D', order(NOTE))).toBe('D 7001=x 40=1');
    expect(await alice.says('D', order([7009, 'x']))).toBe('3 373=0 371=7009');
    expect(await bob.says('D', order(NOTE))).toBe('3 373=6 371=7001');
    expect(await bob.says('D', order([7001, 5]))).toBe('D 7001=5 40=1');
    expect(await carol.says('D', order(NOTE))).toBe('3 373=0 371=7001');
  });

  test('tags, messages, values, groups and data of the file are validated as the standard’s are', async () => {
    const edge = await open({ data_dictionary: ['FIX44-house.xml'] });
    const { says } = await speaker(edge, await user('alice'));
    const typed = (value: string) => order().map(([tag, old]): Field => [tag, tag === 40 ? value : old]);
    expect(await says('D', typed('h'))).toBe('D 40=h');
    expect(await says('D', typed('H'))).toBe('3 373=5 371=40');
    const legs = (...values: string[]): Field[] => values.map((value) => [7003, value]);
    expect(await says('UH', [NOTE, [7002, 2], ...legs('A', 'B')])).toBe('UH 7001=x 7003=A');
    expect(await says('UH', [NOTE, [7002, 2], ...legs('A')])).toBe('3 373=16 371=7002');
    expect(await says('UH', [NOTE, [7002, 1], ...legs('C')])).toBe('3 373=5 371=7003');
    expect(await says('UH', [])).toBe('3 373=1 371=7001');
    expect(await says('D', order([7003, 'A']))).toBe('3 373=2 371=7003');
    expect(await says('UX', [NOTE])).toBe('3 373=11 371=');
    // The value holds an SOH: only its length says where it ends.
    expect(await says('D', order([7004, 5], [7005, 'a\x01b=c']))).toBe('D 7005=a 40=1');
    expect(await says('D', order([7004, 9], [7005, 'a']))).toBe('3 373=6 371=7004');
  });

  test('a data field keeps its SOH through the venue, also when it comes out of turn', async () => {
    const edge = await open({ data_dictionary: ['FIX44-house.xml'] });
    const account = await user('alice');
    const client = house.client(edge, account);
    await client.logon(account.password);
    client.nextOut = 3;
    client.send('D', order([7004, 5], [7005, 'a\x01b=c']));
    expect((await client.next((m) => m.type === '2')).get(7)).toBe('2');
    client.nextOut = 2;
    client.send('0');
    const echo = await client.next((m) => m.type === 'D');
    expect(echo.raw).toContain('\x017004=5\x017005=a\x01b=c\x01');
    client.nextOut = 4;
    client.send('2', [
      [7, 1],
      [16, 0],
    ]);
    const again = await client.next((m) => m.get(43) === 'Y' && m.type === 'D');
    expect(again.raw).toContain('\x017004=5\x017005=a\x01b=c\x01');
  });

  test('a file of one version leaves the others as they are', async () => {
    const edge = await open({ data_dictionary: ['FIX44-house.xml'] });
    const account = await user('alice');
    expect(await (await speaker(edge, account)).says('D', order(NOTE))).toBe('D 7001=x 40=1');
    const old = await speaker(edge, await user('bob'), 'FIX.4.2');
    expect(await old.says('D', order([21, 1], NOTE))).toBe('3 373=0 371=7001');
  });

  test('files for several versions at once; an empty list of a counterparty takes the gateway’s away', async () => {
    const edge = await open({ data_dictionary: ['FIX42-house.xml', 'FIX44-house.xml'] });
    const old = await speaker(edge, await user('alice'), 'FIX.4.2');
    expect(await old.says('D', order([21, 1], NOTE))).toBe('D 7001=x 40=1');
    const { says } = await speaker(edge, await user('bob', { data_dictionary: [] }));
    expect(await says('D', order(NOTE))).toBe('3 373=0 371=7001');
  });
});

describe('FIXT.1.1', () => {
  const fixt = (edge: Edge, account: Account, version = '9') => speaker(edge, account, 'FIXT.1.1', [[1137, version]]);

  test('transport and application are files of their own', async () => {
    const edge = await open({ transport_data_dictionary: ['FIXT11-house.xml'] });
    const app_data_dictionary = ['FIX50SP2-house.xml'];
    const alice = await fixt(edge, await user('alice', { app_data_dictionary }));
    const bob = await fixt(edge, await user('bob'));
    const carol = await fixt(edge, await user('carol', { app_data_dictionary, transport_data_dictionary: [] }));
    const hop: Field = [7010, 'x'];
    expect(await alice.says('D', [hop, ...order(NOTE)])).toBe('D 7001=x 40=1');
    expect(await alice.says('D', order(NOTE, hop))).toBe('3 373=14 371=7010');
    expect(await alice.says('UH', [NOTE])).toBe('UH 7001=x');
    expect(await bob.says('D', [hop, ...order()])).toBe('D 40=1');
    expect(await bob.says('D', order(NOTE))).toBe('3 373=0 371=7001');
    expect(await carol.says('D', order(NOTE))).toBe('D 7001=x 40=1');
    expect(await carol.says('D', [hop, ...order()])).toBe('3 373=0 371=7010');
  });

  test('an application file is for its own version', async () => {
    const edge = await open({ app_data_dictionary: ['FIX50SP2-house.xml'] });
    const account = await user('alice');
    expect(await (await fixt(edge, account)).says('D', order(NOTE))).toBe('D 7001=x 40=1');
    const { says } = await fixt(edge, await user('bob'), '8');
    expect(await says('D', order(NOTE))).toBe('3 373=0 371=7001');
    // ApplVerID (1128) names the version of one message.
    expect(await says('D', [[1128, '9'], ...order(NOTE)])).toBe('D 7001=x 40=1');
  });

  test('an older version over it needs its own file where the gateway serves FIXT.1.1 alone', async () => {
    const begin_strings = ['FIXT.1.1'] as const;
    const edge = await open({ begin_strings });
    const account = await user('alice');
    const client = house.client(edge, account, { begin_string: 'FIXT.1.1' });
    const refused = await client.logon(account.password, [[1137, '6']]);
    expect(refused.get(58)).toBe('Logon refused: DefaultApplVerID (1137) 6 is not supported');
    const bob = await fixt(edge, await user('bob', { app_data_dictionary: ['FIX44-house.xml'] }), '6');
    expect(await bob.says('D', order(NOTE))).toBe('D 7001=x 40=1');
  });
});

describe('what a profile names in vain', () => {
  test.each<[ProfileOverrides, string]>([
    [
      { data_dictionary: ['FIX44.xml'] },
      'data_dictionary names FIX44.xml, which is not among the files of this gateway',
    ],
    [
      { data_dictionary: ['FIXT11-house.xml'] },
      'data_dictionary names FIXT11-house.xml, which is of FIXT.1.1, not of FIX.4.0',
    ],
    [
      { transport_data_dictionary: ['FIX44-house.xml'] },
      'transport_data_dictionary names FIX44-house.xml, which is of FIX.4.4, not of FIXT.1.1',
    ],
    [
      { app_data_dictionary: ['FIXT11-house.xml'] },
      'app_data_dictionary names FIXT11-house.xml, which is of FIXT.1.1, not of FIX.4.0',
    ],
    [
      { data_dictionary: ['FIX44-house.xml', 'FIX44-other.xml'] },
      'data_dictionary names FIX44-house.xml and FIX44-other.xml, both of FIX.4.4',
    ],
  ])('%j: stops the start in the gateway’s, refuses the Logon in a credential’s', async (profile, problem) => {
    await expect(open(profile)).rejects.toThrow(ConfigError);
    await expect(open(profile)).rejects.toThrow(`FIXGATE_SESSION_PROFILE: ${problem}`);
    const edge = await open();
    const account = await user('alice', profile);
    const refused = await house.client(edge, account).logon(account.password);
    expect([refused.type, refused.get(58)]).toEqual(['5', expect.stringContaining(`settings are wrong, ${problem}`)]);
    await until('it is recorded as proven', () =>
      house.records('logon_refused').some((one) => one.reason === 'data_dictionary' && one.user_id === 'alice'),
    );
    await updateProfile(house.admin, ACTOR, account.sender_comp_id, {
      data_dictionary: null,
      transport_data_dictionary: null,
      app_data_dictionary: null,
    });
    expect((await house.client(edge, account).logon(account.password)).type).toBe('A');
  });

  test('without a directory the setting that is missing is named', async () => {
    await expect(open({ data_dictionary: ['FIX44.xml'] }, { FIXGATE_DICTIONARIES: '' })).rejects.toThrow(
      /FIXGATE_SESSION_PROFILE: .* FIXGATE_DICTIONARIES \(--dictionaries\) names the directory/,
    );
  });
});

describe('the directory', () => {
  let other: string;
  beforeEach(() => {
    other = mkdtempSync(join(tmpdir(), 'fixgate-dictionaries-'));
  });
  afterEach(() => rmSync(other, { recursive: true, force: true }));
  const start = (): Promise<Edge> => open({}, { FIXGATE_DICTIONARIES: other });
  const said = (): Promise<string> =>
    start().then(
      () => 'started',
      (error: Error) => (error instanceof ConfigError ? error.message : `${error.name} ${error.message}`),
    );

  test('every mistake of every file is told, and the setting is named', async () => {
    const xml = await houseXml('FIX.4.4', HOUSE);
    const lines = xml.split('\n');
    const at = (text: string) => lines.findIndex((line) => line.includes(text)) + 1;
    writeFileSync(
      join(other, 'a.xml'),
      xml
        .replace('type="CHAR"', 'type="CHARM"')
        .replace('name="HouseNote" required="Y"', 'name="HouseNot" required="Y"'),
    );
    writeFileSync(join(other, 'b.xml'), '<fix type="FIX" major="4" minor="4">\n<header>\n</fix>');
    writeFileSync(join(other, 'c.xml'), await houseXml('FIX.4.2'));
    expect((await said()).split('\n')).toEqual([
      `FIXGATE_DICTIONARIES (--dictionaries): 2 of the dictionaries in ${other} cannot be used`,
      `${join(other, 'a.xml')}:${at('name="HouseNote" required="Y"')}: unknown field HouseNot`,
      `${join(other, 'a.xml')}:${at('type="CHAR"')}: unknown type CHARM`,
      `${join(other, 'b.xml')}:3: </fix> where </header> is due`,
    ]);
  });

  test('names that no profile could tell, encodings that nobody could read', async () => {
    writeFileSync(join(other, 'my house.xml'), await houseXml('FIX.4.4'));
    const xml = Buffer.from(`<!-- caf\xe9 -->${await houseXml('FIX.4.4')}`, 'latin1');
    writeFileSync(join(other, 'x.xml'), xml);
    writeFileSync(
      join(other, 'y.xml'),
      Buffer.concat([Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?>'), xml]),
    );
    expect((await said()).split('\n').slice(1)).toEqual([
      `${join(other, 'my house.xml')}:1: the name has other characters than letters, digits, ., _ and -, or over 64`,
      `${join(other, 'x.xml')}:1: is neither UTF-8 nor says that it is ISO-8859-1`,
    ]);
  });

  test('is read through links, as volumes of containers are mounted', async () => {
    mkdirSync(join(other, '..data'));
    writeFileSync(join(other, '..data', 'FIX44.xml'), await houseXml('FIX.4.4', HOUSE));
    symlinkSync(join('..data', 'FIX44.xml'), join(other, 'FIX44.xml'));
    const edge = await start();
    const { says } = await speaker(edge, await user('alice', { data_dictionary: ['FIX44.xml'] }));
    expect(await says('D', order(NOTE))).toBe('D 7001=x 40=1');
  });

  test('that is not there, or holds folders, too much or too many', async () => {
    mkdirSync(join(other, 'd.xml'));
    expect(await said()).toMatch(/FIXGATE_DICTIONARIES .*d\.xml is no file$/);
    rmSync(join(other, 'd.xml'), { recursive: true });
    writeFileSync(join(other, 'e.xml'), Buffer.alloc(8 * 1024 * 1024 + 1, ' '));
    expect(await said()).toMatch(/e\.xml is longer than 8388608 bytes$/);
    rmSync(join(other, 'e.xml'));
    for (let i = 0; i < 9; i++) writeFileSync(join(other, `e${i}.xml`), Buffer.alloc(8 * 1024 * 1024, ' '));
    expect(await said()).toMatch(/have more than 67108864 bytes together$/);
    for (let i = 0; i < 101; i++) writeFileSync(join(other, `e${i}.xml`), '');
    expect(await said()).toMatch(/has more than 100 files that end in \.xml$/);
    rmSync(other, { recursive: true });
    expect(await said()).toMatch(/FIXGATE_DICTIONARIES \(--dictionaries\): .* cannot be read \(ENOENT\)$/);
  });
});
