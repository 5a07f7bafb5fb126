import { BlockList, isIP } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressAllowed, parseAddress, parseAddressRule } from '../../core/addresses.ts';

describe('an address rule', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.10-192.0.2.20', '192.0.2.20', true],
    ['192.0.2.10 - 192.0.2.20', '192.0.2.21', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::1-2001:db8::ff', '2001:DB8::A0', true],
    ['192.0.2.0/24', '::ffff:192.0.2.99', true],
    ['192.0.2.0/24', '::ffff:c000:263', true],
    ['::ffff:192.0.2.0/120', '192.0.2.5', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
  ])('%s and %s: %s', (rule, address, allowed) => {
    expect(addressAllowed([rule], address)).toBe(allowed);
  });

  test.each([
    '',
    '192.0.2',
    '192.0.2.256',
    '192.0.02.1',
    '0x7f.0.0.1',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '2001:db8::/129',
    '1::2::3',
    '12345::',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
    '192.0.2.9-192.0.2.1',
    '192.0.2.1-2001:db8::1',
    '192.0.2.1-',
    '-',
    '/',
    'localhost',
    '::1.2.3.4.5',
    '1.2.3.4::',
    `::${'0'.repeat(100)}`,
  ])('is not %j', (rule) => {
    expect(parseAddressRule(rule)).toBeUndefined();
    expect(addressAllowed([rule], '192.0.2.1')).toBe(false);
  });

  test('is not needed: no rule lets anyone in; any of several does', () => {
    expect(addressAllowed([], 'whatever')).toBe(true);
    expect(addressAllowed(['10.0.0.1', '10.0.0.2'], '10.0.0.2')).toBe(true);
    expect(addressAllowed(['10.0.0.0/8'], 'whatever')).toBe(false);
  });

  test('covers what the runtime’s own list covers', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (base, prefix, address) => {
        const list = new BlockList();
        list.addSubnet(base, prefix, 'ipv4');
        expect(addressAllowed([`${base}/${prefix}`], address)).toBe(list.check(address, 'ipv4'));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.ipV6(), (base, prefix, address) => {
        fc.pre(isIP(base) === 6 && isIP(address) === 6);
        fc.pre(parseAddress(base)?.family === 6 && parseAddress(address)?.family === 6);
        const list = new BlockList();
        list.addSubnet(base, prefix, 'ipv6');
        expect(addressAllowed([`${base}/${prefix}`], address)).toBe(list.check(address, 'ipv6'));
      }),
    );
  });

  test('is an address exactly when the runtime says so', () => {
    const near = fc.string({ unit: fc.constantFrom(...'0123456789abcdefF.:'.split('')), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(near, fc.ipV4(), fc.ipV6()), (text) => {
        expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2000 },
    );
  });
});
