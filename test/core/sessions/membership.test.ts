import { expect, test } from '@jest/globals';
import { createMemoryAdapters } from '../../../adapters/memory/stores.ts';
import { createWorld } from '../../../adapters/memory/world.ts';
import type { EdgeRegistry } from '../../../core/ports.ts';
import { SILENT_LOG } from '../../../core/sessions/api.ts';
import { Membership } from '../../../core/sessions/membership.ts';
import type { EdgeCommand, EdgeFigures } from '../../../core/sessions/model.ts';
import { SimTime, settle } from './world.ts';

const FIGURES: EdgeFigures = {
  sessions: 0,
  sessions_by_tier: {},
  sessions_peak: 0,
  logons_accepted: 0,
  logons_refused: {},
  messages: 0,
  orders: 0,
  violations: 0,
};

const shared = () => {
  const world = createWorld();
  return { world, edges: createMemoryAdapters(world).edges };
};

async function join(edges: EdgeRegistry, edgeId: string, time = new SimTime(), done?: () => boolean) {
  const commands: EdgeCommand[] = [];
  const orders: boolean[] = [];
  const fenced: string[] = [];
  const events = {
    figures: () => FIGURES,
    draining: () => false,
    onCommand: (command: EdgeCommand) => {
      commands.push(command);
      return done;
    },
    onOrders: (allowed: boolean) => void orders.push(allowed),
    onFenced: () => void fenced.push(edgeId),
  };
  const ports = { edges, clock: time, timers: time, log: SILENT_LOG };
  const begin = async () => ({ identity: await edges.register(edgeId, 'test', time.now()), since: time.monotonic() });
  const membership = await Membership.join(ports, begin, events);
  return { membership, time, commands, orders, fenced };
}

const reset = (id: string): EdgeCommand => ({ id, at: 0, type: 'violations_reset', user_id: id });

test('commands: each once and in order, whatever their ids and however often an acknowledgement fails', async () => {
  const { edges, world } = shared();
  let failing = true;
  const acknowledge: EdgeRegistry['acknowledge'] = async (edge, ids) => {
    if (failing) throw new Error('no acknowledgement');
    await edges.acknowledge(edge, ids);
  };
  const { time, commands, membership } = await join({ ...edges, acknowledge }, 'a');
  await edges.send([reset('2'), reset('1')].map((command) => ({ edge_id: 'a', command })));
  await time.advance(1000);
  // Committed late, with an id that sorts before those already applied.
  await edges.send([{ edge_id: 'a', command: reset('0') }]);
  await time.advance(1000);
  failing = false;
  await time.advance(1000);
  expect(commands.map((one) => one.id)).toEqual(['1', '2', '0']);
  expect(world.commands.get('a')?.size).toBe(0);
  await membership.stop();
});

test('a command stays in the store until it is done, is applied once meanwhile, and again by a later process', async () => {
  const { edges, world } = shared();
  let done = false;
  const { time, commands, membership } = await join(edges, 'a', new SimTime(), () => done);
  await edges.send([{ edge_id: 'a', command: reset('1') }]);
  await time.advance(3000);
  expect([commands.length, world.commands.get('a')?.size]).toEqual([1, 1]);
  await membership.stop();
  const later = await join(edges, 'a', time, () => done);
  await time.advance(3000);
  expect([later.commands.length, world.commands.get('a')?.size]).toEqual([1, 1]);
  done = true;
  await time.advance(1000);
  expect([later.commands.length, world.commands.get('a')?.size]).toEqual([1, 0]);
  await later.membership.stop();
});

test('a command of a later release is left for the edge that will know it', async () => {
  const { edges, world } = shared();
  const { time, commands, membership } = await join(edges, 'a');
  const unknown = { id: '1', at: 0, type: 'liquidate' } as unknown as EdgeCommand;
  await edges.send([unknown, reset('2')].map((command) => ({ edge_id: 'a', command })));
  await time.advance(3000);
  expect(commands.map((one) => one.id)).toEqual(['2']);
  expect([...(world.commands.get('a')?.keys() ?? [])]).toEqual(['1']);
  await membership.stop();
});

test('a heartbeat that stands still for less than lease + 1 s kills nobody; for more it does, by the watcher’s clock', async () => {
  const { edges, world } = shared();
  const a = await join(edges, 'a');
  const b = await join(edges, 'b');
  await b.time.advance(2000);
  await a.time.advance(500);
  // From here on a's process is stopped: its clock and timers stand still.
  await b.time.advance(6900);
  expect(world.edges.get('a')?.state).toBe('alive');
  await a.time.advance(1000);
  await b.time.advance(6900);
  expect(world.edges.get('a')?.state).toBe('alive');
  await b.time.advance(2400);
  expect(world.edges.get('a')?.state).toBe('dead');
  expect(a.fenced).toEqual([]);
  await a.time.advance(1000);
  expect(a.fenced).toEqual(['a']);
  expect(a.membership.mayPlaceOrders).toBe(false);
  await b.membership.stop();
});

test('what an ended incarnation has left is removed when its clients have had time to come back, and again while the store is away', async () => {
  const { edges } = shared();
  const removed: string[] = [];
  let away = true;
  const removeSessions: EdgeRegistry['removeSessions'] = async ({ edge_id, incarnation }) => {
    removed.push(`${edge_id}.${incarnation}`);
    if (away) throw new Error('away');
  };
  await edges.register('b', 'test', 0);
  // Its name has had no other incarnation: there is nothing to remove.
  const a = await join({ ...edges, removeSessions: async () => Promise.reject(new Error('nothing ended')) }, 'a');
  const b = await join({ ...edges, removeSessions }, 'b');
  // The process of a is gone: its clock stands still. Until it is called dead, nine seconds at most.
  await b.time.advance(59_000);
  expect(removed).toEqual([]);
  await b.time.advance(2_000);
  expect(removed).toEqual(['b.1']);
  away = false;
  await b.time.advance(58_000);
  expect(removed).toEqual(['b.1', 'a.1']);
  await b.time.advance(2_000);
  expect(removed).toEqual(['b.1', 'a.1', 'b.1']);
  await b.time.advance(300_000);
  expect(removed).toHaveLength(3);
  await a.time.advance(1000);
  expect(a.fenced).toEqual(['a']);
  await b.membership.stop();
});

test('edges that died together are declared dead together, also by a slow store and where one cannot be', async () => {
  const { edges, world } = shared();
  const time = new SimTime();
  let refusals = 0;
  const declareDead: EdgeRegistry['declareDead'] = async (edge, heartbeat) => {
    await new Promise<void>((resolve) => void time.after(1000, resolve));
    if (edge.edge_id === 'b') refusals += 1;
    if (edge.edge_id === 'b' && refusals === 1) throw new Error('away');
    return edges.declareDead(edge, heartbeat);
  };
  const { membership } = await join({ ...edges, declareDead }, 'a', time);
  const gone = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
  for (const id of gone) await edges.register(id, 'test', time.now());
  const states = () => gone.map((id) => world.edges.get(id)?.state);
  // Seen after two seconds for the first time, and seven seconds later to have stood still; then a call that takes one.
  await time.advance(10_300);
  expect(states()).toEqual(['alive', ...Array(7).fill('dead')]);
  await time.advance(3_300);
  expect(states()).toEqual(Array(8).fill('dead'));
  await membership.stop();
});

test.each([
  ['does not answer at all', ['heartbeat', 'list', 'declareDead']],
  ['takes no heartbeat', ['heartbeat']],
] as const)('while the store %s nobody is declared dead for it, nor when it is back', async (_what, failing) => {
  const { edges, world } = shared();
  let away = false;
  const faulty = { ...edges };
  for (const name of failing) {
    const call = edges[name] as (...args: unknown[]) => Promise<unknown>;
    const faced = async (...args: unknown[]) => {
      if (away) throw new Error('away');
      return call(...args);
    };
    Object.assign(faulty, { [name]: faced });
  }
  const [a, b] = [await join(faulty, 'a'), await join(faulty, 'b')];
  await a.time.advance(2500);
  await b.time.advance(2500);
  away = true;
  for (let ms = 0; ms < 60_000; ms += 500) {
    await a.time.advance(500);
    await b.time.advance(500);
  }
  away = false;
  // b looks several times before a is heard of again.
  await b.time.advance(6000);
  expect(world.edges.get('a')?.state).toBe('alive');
  await a.time.advance(1500);
  await b.time.advance(3000);
  expect([...world.edges.values()].map(({ state }) => state)).toEqual(['alive', 'alive']);
  // One that is dead is found so all the same.
  await b.time.advance(9000);
  expect(world.edges.get('a')?.state).toBe('dead');
  expect(b.fenced).toEqual([]);
  await b.membership.stop();
});

test('the lease is counted from before the renewal was sent, and ends before anybody may call the edge dead', async () => {
  const { edges } = shared();
  const time = new SimTime();
  let slow = 0;
  const heartbeat: EdgeRegistry['heartbeat'] = async (...args) => {
    const answer = await edges.heartbeat(...args);
    time.jump(slow);
    return answer;
  };
  const { membership, orders } = await join({ ...edges, heartbeat }, 'a', time);
  slow = 3000;
  await membership.beat();
  slow = 0;
  time.jump(2999);
  expect(membership.mayPlaceOrders).toBe(true);
  time.jump(1);
  expect(membership.mayPlaceOrders).toBe(false);
  await time.advance(2000);
  expect(membership.mayPlaceOrders).toBe(true);
  expect(orders).toEqual([false, true]);
  await membership.stop();
});

test('a batch that stands still places at most fifteen orders more, and a fenced edge none', async () => {
  const { edges, world } = shared();
  const { membership, time } = await join(edges, 'a');
  const batch = (nowMs: number, count: number) => Array.from({ length: count }, () => membership.mayPlaceOrder(nowMs));
  const began = time.now();
  expect(batch(began, 20)).not.toContain(false);
  time.jump(60_000);
  // The batch goes on, by its own time: the first look after sixteen orders ends it.
  expect(batch(began, 20).filter((may) => may).length).toBe(12);
  expect(batch(time.now(), 5)).not.toContain(true);
  await membership.beat();
  expect(batch(time.now(), 20)).not.toContain(false);
  world.edges.set('a', { ...world.edges.get('a')!, state: 'dead' });
  await membership.beat();
  expect(batch(time.now(), 20)).not.toContain(true);
});

test('a store that hangs is asked by one heartbeat at a time', async () => {
  const { edges } = shared();
  let calls = 0;
  let answer = (): void => undefined;
  const heartbeat: EdgeRegistry['heartbeat'] = async (...args) => {
    calls += 1;
    if (calls === 1) {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    }
    return edges.heartbeat(...args);
  };
  const { membership, time, orders } = await join({ ...edges, heartbeat }, 'a');
  await time.advance(8000);
  expect(calls).toBe(1);
  expect(orders).toEqual([false]);
  answer();
  await settle();
  // The answer is that of a renewal sent 7 s ago: no lease comes of it, the next one brings it back.
  expect(membership.mayPlaceOrders).toBe(false);
  await time.advance(1000);
  expect(orders).toEqual([false, true]);
  await membership.stop();
});

test('an older incarnation of the same edge is fenced by its next heartbeat', async () => {
  const { edges } = shared();
  const first = await join(edges, 'a');
  const second = await join(edges, 'a');
  expect(second.membership.identity.incarnation).toBe(2);
  await first.time.advance(1000);
  expect(first.fenced).toEqual(['a']);
  expect(first.membership.state).toBe('fenced');
  await second.time.advance(1000);
  expect(second.fenced).toEqual([]);
  await second.membership.stop();
});

test('of many edges each watches some, and whoever dies is declared dead, a whole row of neighbours too', async () => {
  const { edges, world } = shared();
  let lists = 0;
  const gone = new Set<string>();
  // A process that is gone neither beats nor watches.
  const unless = <T>(id: string, call: () => Promise<T>): Promise<T> => (gone.has(id) ? new Promise(() => {}) : call());
  const counted: EdgeRegistry = {
    ...edges,
    list: () => {
      lists += 1;
      return edges.list();
    },
    following: (id, count) => unless(id, () => edges.following(id, count)),
    heartbeat: (edge, ...rest) => unless(edge.edge_id, () => edges.heartbeat(edge, ...rest)),
  };
  const time = new SimTime();
  const all = [];
  for (let i = 0; i < 40; i++) all.push(await join(counted, `e${String(i).padStart(2, '0')}`, time));
  await time.advance(4000);
  lists = 0;
  for (const { membership } of all.slice(5, 17)) gone.add(membership.identity.edge_id);
  const states = () => [...gone].map((id) => world.edges.get(id)?.state);
  await time.advance(10_000);
  expect(states().slice(0, 8)).toEqual(Array(8).fill('dead'));
  // Those beyond are seen once those before them are known to be dead.
  await time.advance(10_000);
  expect(states()).toEqual(Array(12).fill('dead'));
  const alive = [...world.edges.values()].filter(({ state }) => state === 'alive');
  expect(alive).toHaveLength(28);
  expect(lists).toBe(0);
  // When few are left they all watch all again.
  for (const { membership } of all.slice(17, 37)) await membership.stop();
  await time.advance(4000);
  expect(lists).toBeGreaterThan(0);
  await Promise.all(all.map(({ membership }) => membership.stop()));
});
