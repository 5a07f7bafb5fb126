import { expect, test } from '@jest/globals';
import { syncedBeside } from '../../edge/open-venue.ts';

test.each([
  ['file_sync', 'before-send', 'flushed'],
  ['file_sync', 'reserve', 'asked'],
  ['file', 'reserve', 'asked'],
  ['file', 'before-send', undefined],
  ['store', 'reserve', undefined],
  ['memory', 'before-send', undefined],
] as const)(
  'beside a journal in %s with %s the log of the simulator outlives the machine as that does',
  (journal, commit, synced) => {
    expect(syncedBeside(journal, commit)).toBe(synced);
  },
);
