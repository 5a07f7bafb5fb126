import { expect, test } from '@jest/globals';
import { type Frame, type Profile, svgOf, treeOf } from '../../bench/flame.ts';

const call = (functionName: string, url = '') => ({ functionName, url, lineNumber: 1 });
const PROFILE: Profile = {
  nodes: [
    { id: 1, callFrame: call('(root)'), children: [2, 5] },
    { id: 2, callFrame: call('read', 'file:///x/edge/connection.ts'), children: [3, 4] },
    { id: 3, callFrame: call('parse', 'file:///x/edge/fix/message.ts') },
    { id: 4, callFrame: call('(garbage collector)') },
    { id: 5, callFrame: call('(idle)') },
  ],
  samples: [3, 5, 2, 3, 4],
  timeDeltas: [100, 5000, 50, 150, 100],
};

const plain = ({ own, total, calls }: Frame): object => ({
  own,
  total,
  calls: Object.fromEntries([...calls].map(([name, one]) => [name, plain(one)])),
});

test('samples become a tree of what was called from where, without what was idle', () => {
  const read = {
    own: 50,
    total: 400,
    calls: {
      'parse edge/fix/message.ts': { own: 250, total: 250, calls: {} },
      '(garbage collector)': { own: 100, total: 100, calls: {} },
    },
  };
  expect(plain(treeOf(PROFILE))).toEqual({ own: 0, total: 400, calls: { 'read edge/connection.ts': read } });
});

test('only stacks through a file are drawn, from it on, and what was collected meanwhile', () => {
  const parse = { own: 250, total: 250, calls: {} };
  expect(plain(treeOf(PROFILE, 'edge/fix'))).toEqual({
    own: 0,
    total: 250,
    calls: { 'parse edge/fix/message.ts': parse },
  });
  const between = { ...PROFILE, samples: [4, ...PROFILE.samples, 3], timeDeltas: [70, ...PROFILE.timeDeltas, 0] };
  expect(plain(treeOf(between, 'edge/fix'))).toEqual({
    own: 0,
    total: 350,
    calls: { 'parse edge/fix/message.ts': parse, '(garbage collector)': { own: 100, total: 100, calls: {} } },
  });
});

test('each function is as wide as its share of the time', () => {
  const svg = svgOf(treeOf(PROFILE), 'a < b');
  expect(svg).toContain('>a &lt; b</text>');
  expect(svg).toContain('<title>parse edge/fix/message.ts: 62.5 %</title><rect x="0.0" y="74" width="750.0"');
  expect(svg).toContain('<title>(garbage collector): 25.0 %</title><rect x="750.0" y="74" width="300.0"');
});
