/** A machine with an edge on it: the process of the moment, and what starts and ends it. */
import type { Gate } from '../core/sessions/api.ts';
import type { VenueSession } from '../edge/venue/venue.ts';
import { type Machine, Process } from './process.ts';
import type { World } from './world.ts';

/** A supervisor starts a process again after it has ended by itself. */
export const START_AGAIN_MS = 1_000;

export abstract class Host {
  readonly name: string;
  readonly machine: Machine;
  protected readonly world: World;
  process: Process | undefined;
  gate: Gate | undefined;
  /** True time at which the process of the moment was started, or began to serve, or the last one ended. */
  changedAt = 0;
  /** True time until which Logons here wait for the store. */
  detainedUntil = 0;
  draining: { readonly since: number } | undefined;

  constructor(world: World, index: number, machine: Machine) {
    this.world = world;
    this.name = `e${index + 1}`;
    this.machine = machine;
  }

  /** Begins to serve in this process. @returns its gate, once there is one */
  protected abstract open(process: Process): Promise<Gate>;
  /** Ends as on SIGTERM. Resolves when the process may go. */
  protected abstract stop(gate: Gate): Promise<void>;
  /** The process is gone, and all connections with it. */
  protected abstract lost(): void;

  /** Whether a balancer would send clients here. */
  get ready(): boolean {
    return this.process?.alive === true && this.gate?.state === 'running';
  }

  /** Sessions that have orders at a venue in this process. */
  resting(): Iterable<VenueSession> {
    return [];
  }

  start(): void {
    if (this.process?.alive) return;
    const { scheduler, chance } = this.world;
    const process = new Process(this.name, this.machine, scheduler, chance.fork());
    this.process = process;
    this.changedAt = scheduler.now;
    process.reach(0, () => {
      this.open(process).then(
        (gate) => {
          // It may have been killed within the very event in which it began.
          if (this.process !== process || !process.alive) return;
          this.gate = gate;
          this.changedAt = scheduler.now;
          this.world.trace(this.name, () => `serves as incarnation ${gate.identity.incarnation}`);
        },
        (error: unknown) => {
          if (this.process !== process || !process.alive) return;
          this.world.trace(this.name, () => `cannot begin: ${String(error)}`);
          this.end(START_AGAIN_MS);
        },
      );
    });
  }

  crash(backAfterMs: number): void {
    if (!this.process?.alive) return;
    this.world.trace(this.name, () => `crashes, back in ${backAfterMs.toFixed(0)} ms`);
    this.end(backAfterMs);
  }

  drain(backAfterMs: number): void {
    const { gate, process } = this;
    if (gate === undefined || process === undefined || this.draining !== undefined) return;
    this.world.trace(this.name, () => 'drains');
    this.draining = { since: this.world.scheduler.now };
    process.reach(0, () => {
      void this.stop(gate).then(() => {
        if (this.process !== process || !process.alive) return;
        this.world.trace(this.name, () => 'has stopped');
        this.end(backAfterMs);
      });
    });
  }

  protected end(backAfterMs: number): void {
    const { scheduler } = this.world;
    this.world.returns.ends(this);
    this.process?.kill();
    this.gate = undefined;
    this.draining = undefined;
    this.changedAt = scheduler.now;
    this.lost();
    scheduler.after(backAfterMs, () => this.start());
  }
}
