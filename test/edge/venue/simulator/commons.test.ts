// What orders have in common with others of their session.

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Common } from '../../../../edge/venue/simulator/client-order.ts';
import { Clients } from '../../../../edge/venue/simulator/clients.ts';
import { Commons } from '../../../../edge/venue/simulator/commons.ts';
import { sessionOf } from '../harness.ts';

type Parts = Pick<Common, 'owner' | 'run' | 'account'>;

const same = (a: Parts, b: Parts): boolean => a.owner === b.owner && a.run === b.run && a.account === b.account;

test('it has one number as long as any order has it, whatever comes and goes, and there are as many as are in use', () => {
  const step = fc.record({
    what: fc.constantFrom('keep', 'keep', 'drop', 'change'),
    session: fc.constantFrom('A', 'B', 'C'),
    run: fc.constantFrom('RUN-', 'NUR-', 'URN-'),
    account: fc.constantFrom('', 'AC', 'CA'),
    n: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const [clients, commons] = [new Clients(), new Commons()];
      const held: { of: Parts; n: number }[] = [];
      for (const { what, session, run, account, n } of steps) {
        const of = { owner: clients.of(sessionOf(session)), run, account };
        const at = n % held.length;
        // As an order has it, which is another's soon.
        const asked = { ...of };
        if (what === 'keep') held.push({ of, n: commons.keep(asked) });
        else if (held.length > 0 && what === 'drop') commons.drop(held.splice(at, 1)[0]!.n);
        else if (held.length > 0) held[at] = { of, n: commons.keepInPlace(asked, held[at]!.n) };
        Object.assign(asked, { account: 'NONE', run: 'NONE' });
        for (const one of held) {
          expect(same(commons.at(one.n), one.of)).toBe(true);
          expect(held.every((other) => (other.n === one.n) === same(other.of, one.of))).toBe(true);
        }
        expect(commons.size).toBe(new Set(held.map((one) => one.n)).size);
      }
      expect(commons.owners).toBe(new Set(held.map((one) => one.of.owner)).size);
      for (const { n } of held) commons.drop(n);
      expect([commons.size, commons.owners]).toEqual([0, 0]);
      for (const client of clients.all()) expect(client.common).toBeUndefined();
    }),
  );
});

test('thousands of sessions, Accounts and runs are found without going through the others, and leave nothing', () => {
  const [clients, commons] = [new Clients(), new Commons()];
  const owners = Array.from({ length: 10_000 }, (_, i) => clients.of(sessionOf(`S${i}`)));
  const parts: Parts[] = owners.map((owner) => ({ owner, run: 'RUN-', account: 'AC' }));
  for (let i = 0; i < 60_000; i++) {
    parts.push({ owner: owners[0]!, run: i % 2 === 0 ? 'RUN-' : 'NUR-', account: `${i >> 1}` });
    parts.push({ owner: owners[1]!, run: `odd${i}`, account: 'AC' });
  }
  const since = performance.now();
  const rounds = [1, 2, 3].map(() => parts.map((each) => commons.keep(each)));
  expect(performance.now() - since).toBeLessThan(3_000); // 14 s where runs are gone through one by one
  expect([commons.size, new Set(rounds[0]).size]).toEqual([parts.length, parts.length]);
  expect([rounds[1], rounds[2]]).toEqual([rounds[0], rounds[0]]);
  expect(parts.every((each, i) => same(commons.at(rounds[0]![i]!), each))).toBe(true);
  for (const numbers of rounds) for (const n of numbers) commons.drop(n);
  expect([commons.size, commons.owners]).toEqual([0, 0]);
  expect(owners.every(({ common }) => common === undefined)).toBe(true);
});
