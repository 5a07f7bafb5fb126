// The file that shuts an edge.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import type { OrdersOf } from '../../core/sessions/api.ts';
import type { Logger } from '../../edge/log.ts';
import { readShut, SHUT_FILE, watchShut } from '../../edge/shut.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';

const directory = temporaryDirectory();
const file = join(directory, SHUT_FILE);
afterAll(() => removeDirectory(directory));
beforeEach(() => rmSync(file, { force: true, recursive: true }));

test.each([
  ['margin system down\n', { reason: 'margin system down', cancel_orders: false }],
  ['stop\ncancel_orders\n', { reason: 'stop', cancel_orders: true }],
  ['', { reason: 'by whoever runs this gateway', cancel_orders: false }],
  ['a\u0001b\r\n', { reason: 'a b', cancel_orders: false }],
])('%j is read', (text, order) => {
  writeFileSync(file, text);
  expect(readShut(directory)).toEqual(order);
});

test('what is longer than a reason is cut', () => {
  writeFileSync(file, 'x'.repeat(10_000));
  expect(readShut(directory)?.reason).toHaveLength(512);
});

test('shuts once, cancels once, and opens when it is gone; what cannot be read changes nothing', () => {
  const calls: (string | undefined)[] = [];
  const cancelled: OrdersOf[] = [];
  const said: string[] = [];
  const gate = {
    shutFor: undefined as string | undefined,
    shut(reason: string | undefined) {
      calls.push(reason);
      this.shutFor = reason;
    },
  };
  const log = { warn() {}, error: (_: object, message: string) => said.push(message) } as unknown as Logger;
  const look = watchShut(directory, gate, (whose) => cancelled.push(whose), log);
  look();
  writeFileSync(file, 'stop\ncancel_orders\n');
  look();
  look();
  rmSync(file);
  mkdirSync(file);
  look();
  look();
  expect(calls).toEqual(['stop']);
  expect(said).toHaveLength(1);
  expect(cancelled).toEqual([{ of: 'everybody' }]);
  rmSync(file, { recursive: true });
  look();
  expect(calls).toEqual(['stop', undefined]);
});
