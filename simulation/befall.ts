/** What goes wrong, as it is drawn, done to the world: to one edge, or to what all of them share. */
import { FixHost } from './fix/fix-host.ts';
import type { Host } from './host.ts';
import type { Trouble } from './plan.ts';
import type { World } from './world.ts';

const UNHEARD_MS = [300, 2_000] as const;
/** How long an edge is cut off before its machine is lost, at most, and until there is another. */
const CUT_MS = 1_200;
const LOST_MS = 2_000;

type OfEdge = Extract<Trouble, { readonly edge: number }>;

/** Logons wait for what these take away. */
const DETAINING: ReadonlySet<Trouble['kind']> = new Set(['away', 'disk', 'link', 'market_stop', 'market_disk']);

function detain(world: World, trouble: Trouble): void {
  if (DETAINING.has(trouble.kind)) world.detain('ms' in trouble ? trouble.ms : 0);
}

/** The store is away for everybody, or the venue that edges share is in trouble. */
export function befallAll(world: World, trouble: Exclude<Trouble, OfEdge>): void {
  const { network, scheduler, market } = world;
  const { kind, ms } = trouble;
  detain(world, trouble);
  switch (kind) {
    case 'away':
      world.trouble(ms);
      network.away = true;
      scheduler.after(ms, () => {
        network.away = false;
      });
      return;
    case 'market_crash':
      market?.crash(ms);
      return;
    case 'market_stop':
      market?.process?.stopFor(ms);
      return;
    case 'market_disk':
      market?.disk.fill(ms);
      return;
  }
}

/** The edge is killed without a link before the venue hears that this client is on, who may never be back. */
export function befallStart(world: World, host: Host, client: { retire(): void } | undefined): void {
  const { scheduler, chance } = world;
  const ms = chance.between(...UNHEARD_MS);
  world.trace(host.name, () => `has no link for ${ms.toFixed(0)} ms, and is killed meanwhile`);
  world.market?.cut(host.name, ms);
  world.returns.disturbed(ms);
  scheduler.after(chance.between(ms / 4, ms), () => {
    if (chance.hit(0.7)) client?.retire();
    host.crash(chance.between(...UNHEARD_MS));
  });
}

/** An edge that has just answered a Logon is cut off, and its machine is lost. */
export function befallGreeting(world: World, host: Host): void {
  const { chance, scheduler, hosts } = world;
  const edge = hosts.indexOf(host);
  world.befall({ kind: 'cut', edge, ms: CUT_MS });
  scheduler.after(chance.between(CUT_MS / 4, CUT_MS), () => world.befall({ kind: 'machine', edge, ms: LOST_MS }));
}

export function befallEdge(world: World, trouble: OfEdge): void {
  const { network, scheduler, market } = world;
  const host = world.hosts[trouble.edge]!;
  detain(world, trouble);
  switch (trouble.kind) {
    case 'link':
      market?.cut(host.name, trouble.ms);
      return;
    case 'crash':
      host.crash(trouble.ms);
      return;
    case 'machine':
      if (host instanceof FixHost) host.loseMachine(trouble.ms);
      return;
    case 'power':
      if (host instanceof FixHost) host.losePower(trouble.ms);
      return;
    case 'drain':
      host.drain(trouble.ms);
      return;
    case 'disk':
      if (host instanceof FixHost) host.disk.fill(trouble.ms);
      return;
    case 'stop':
      world.trouble(trouble.ms);
      host.process?.stopFor(trouble.ms);
      return;
    case 'cut':
      world.trouble(trouble.ms);
      host.detainedUntil = Math.max(host.detainedUntil, scheduler.now + trouble.ms);
      network.cut.add(host.name);
      scheduler.after(trouble.ms, () => void network.cut.delete(host.name));
      return;
    case 'jump':
      host.machine.offset = trouble.offset;
      return;
  }
}
