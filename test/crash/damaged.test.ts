// Segments that are cut off or have a bit that is not as it was, on disk and in the store. What a broken-off write has left is cut off, and
// nobody was told of it; what is missing beyond that costs numbers, where they are reserved, and none is used twice. What cannot be read
// stops the start, or, found while the edge runs, the connection that asks for it: nobody is told anything else.

import { closeSync, openSync, readFileSync, readSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { type AttributeValue, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Column, columnsOf } from './cells.ts';
import type { Died } from './injury.ts';
import { endAll, World } from './world.ts';

afterAll(endAll);

/** Where its last write was. */
const lastWrite = (world: World): Died => JSON.parse(readFileSync(world.path('died'), 'utf8')) as Died;

/** Segments whose state is worth something: a copy of what is in the store is not, where nothing is ahead of that. */
const counts = (column: Column): boolean => column !== 'store, before-send';
const reserves = (column: Column): boolean => column.endsWith('reserve') || column === 'both side by side';

describe('a truncated last segment', () => {
  test.each(columnsOf('a truncated last segment'))(
    'a truncated last segment: %s',
    async (column) => {
      const world = await World.open(column);
      // A write that was broken off: as much of it as there was time for.
      for (const share of [0.02, 0.5, 0.99]) {
        await world.turns(2);
        await world.tell({ at: column === 'both side by side' ? 'beside' : 'journal', when: 'after', nth: 1 });
        await world.untilDead();
        const { path, from, to } = lastWrite(world);
        truncateSync(path, from + Math.ceil((to - from) * share));
        await world.start();
      }
      await world.reconcile();
      await world.close();
    },
    60_000,
  );

  test.each(columnsOf('a truncated last segment').filter((column) => reserves(column) || !counts(column)))(
    'a truncated last segment, of which more is missing than was on its way: %s',
    async (column) => {
      const world = await World.open(column);
      await world.turns(8);
      await world.inStep();
      await world.pause(SHIPPED_MS);
      const { next } = world;
      await world.kill();
      for (const path of world.segments('last')) truncateSync(path, Math.floor(statSync(path).size * 0.6));
      await world.start();
      await world.inStep();
      if (counts(column)) expect(world.next).toBeGreaterThan(next + 1000);
      for (const { trader } of world.clients) {
        await trader.again(counts(column) ? () => true : undefined);
        expect(trader.faults).toEqual([]);
      }
      await world.close();
    },
    60_000,
  );
});

/** What was sent ahead of the store is in it by then: it lingers for 150 ms, and a commit takes its time on a busy machine. */
const SHIPPED_MS = 1_000;

/** Turns one bit of a file. @returns what turns it back */
function flip(path: string, share: number): () => void {
  const bytes = readFileSync(path);
  const at = Math.min(bytes.length - 1, Math.floor(bytes.length * share));
  const turn = (): void => {
    bytes[at]! ^= 1 << (at % 8);
    writeFileSync(path, bytes);
  };
  turn();
  return turn;
}

/** One in each hundred bytes of a file that is written to, at the same places each time. @returns what turns them back */
function flipMany(path: string): () => void {
  const { length } = readFileSync(path);
  const turn = (): void => {
    const fd = openSync(path, 'r+');
    const byte = Buffer.alloc(1);
    for (let at = 300; at < length * 0.8; at += 100) {
      readSync(fd, byte, 0, 1, at);
      byte[0]! ^= 8;
      writeSync(fd, byte, 0, 1, at);
    }
    closeSync(fd);
  };
  turn();
  return turn;
}

/** Of the last segment: its header, somewhere, and what was written last. */
const PLACES = [0.001, 0.4, 0.9, 0.9999];

describe('a flipped bit', () => {
  test.each(columnsOf('a flipped bit in a segment on disk'))(
    'a flipped bit in a segment on disk: %s',
    async (column) => {
      const world = await World.open(column);
      await world.turns(8);
      await world.inStep();
      await world.pause(SHIPPED_MS);
      await world.kill();
      if (world.inStore) {
        // What is in the store is read instead, above the numbers that are reserved.
        const { next } = world;
        for (const path of world.segments('last')) if (path.includes('copy')) flip(path, 0.9999);
        await world.start();
        await world.inStep();
        if (counts(column)) expect(world.next).toBeGreaterThan(next + 1000);
        await world.kill();
      }
      for (const path of world.segments('last'))
        for (const share of PLACES) {
          if (path.includes('copy')) continue;
          const back = flip(path, share);
          expect(await world.launch()).toBeUndefined();
          expect(world.said).toMatch(/JournalError/);
          expect(world.said).toContain(path);
          back();
        }
      await world.start();
      await world.reconcile();
      await world.close();
    },
    60_000,
  );

  test.each(columnsOf('a flipped bit in a segment on disk'))(
    'a flipped bit in a segment on disk, found when it is asked for: %s',
    async (column) => {
      const world = await World.open(column);
      await world.turns(8);
      await world.inStep();
      const back = world.segments('last').map(flipMany);
      for (const { trader } of world.clients) {
        trader.ask();
        await trader.gone();
        expect(trader.faults).toEqual([]);
      }
      for (const turn of back) turn();
      expect(await world.logons()).toBe(true);
      await world.reconcile();
      await world.close();
    },
    60_000,
  );

  test.each(columnsOf('a flipped bit in an item of the store'))(
    'a flipped bit in an item of the store: %s',
    async (column) => {
      const world = await World.open(column);
      await world.turns(8);
      await world.inStep();
      await world.pause(SHIPPED_MS);
      await world.kill();
      const { client, tables } = world.store;
      const { Items = [] } = await client.send(new ScanCommand({ TableName: tables.journal }));
      const pieces = Items.filter(bytesOf).sort((a, b) => (a.pk!.S! + a.sk!.S! < b.pk!.S! + b.sk!.S! ? -1 : 1));
      expect(pieces.length).toBeGreaterThan(3);
      const put = (item: Record<string, AttributeValue>) =>
        client.send(new PutItemCommand({ TableName: tables.journal, Item: item }));
      for (const piece of [pieces[0]!, pieces[pieces.length >> 1]!, pieces.at(-1)!]) {
        const [name, bytes] = bytesOf(piece)!;
        const wrong = Uint8Array.from(bytes);
        wrong[wrong.length >> 1]! ^= 16;
        await put({ ...piece, [name]: { B: wrong } });
        expect(await world.launch()).toBeUndefined();
        expect(world.said).toMatch(/JournalError/);
        expect(world.said).toContain('.seg');
        await put(piece);
      }
      await world.start();
      await world.reconcile();
      await world.close();
    },
    60_000,
  );
});

/** The attribute of a row that holds bytes, where it has one. */
function bytesOf(row: Record<string, AttributeValue>): readonly [string, Uint8Array] | undefined {
  for (const [name, { B }] of Object.entries(row)) if (B !== undefined) return [name, B];
  return undefined;
}
