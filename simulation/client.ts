/** A client as its owner runs it: it stays on as long as it may, sends, goes and comes back. */
import { CANCEL, MESSAGE, ORDER } from '../core/limits/kinds.ts';
import type { FixSessionKey } from '../core/sessions/model.ts';
import { type Caller, EdgeHost, type Seat } from './edge-host.ts';
import type { World } from './world.ts';

export interface Account {
  readonly user_id: string;
  readonly sender_comp_id: string;
  readonly password: string;
}

/** How long a client waits for an answer to its Logon before it tries elsewhere. */
const PATIENCE_MS = 12_000;
/** A rival does not come back at once: two engines of one name would do nothing else. */
const RIVAL_BACK_MS = [500, 4_000] as const;
const BACK_MS = [100, 1_500] as const;
/** How long one stays before it goes by itself. */
const STAY_MS = [800, 10_000] as const;

const FOR_EVER_MS = 1e9;

type State = 'away' | 'logging_on' | 'on';

export class Client implements Caller {
  readonly name: string;
  readonly account: Account;
  readonly key: FixSessionKey;
  readonly rival: boolean;
  state: State = 'away';
  /** True time since which it has been as it is. */
  since = 0;
  retired = false;
  /** Why it was refused last. */
  refusedFor = '';
  readonly #world: World;
  readonly #everyMs: number;
  #seat: Seat | undefined;
  #attempt = 0;
  #mood = 1;
  #moodUntil = 0;

  constructor(world: World, account: Account, sub: string, rival: boolean, pace: number) {
    this.#world = world;
    this.account = account;
    this.rival = rival;
    this.name = `${account.user_id}/${sub}${rival ? '*' : ''}`;
    const { sender_comp_id } = account;
    this.key = { begin_string: 'FIX.4.4', sender_comp_id, sender_sub_id: sub, target_comp_id: 'GATEWAY' };
    this.#everyMs = 1000 / pace;
  }

  get password(): string {
    return this.account.password;
  }

  /** It goes for good. */
  retire(): void {
    this.retired = true;
    this.#leave('logout');
  }

  connect(): void {
    if (this.retired || this.state !== 'away') return;
    const host = this.#host();
    const seat = host?.connect(this);
    if (seat === undefined) {
      this.#backLater();
      return;
    }
    this.#become('logging_on');
    this.#seat = seat;
    const attempt = ++this.#attempt;
    this.#world.scheduler.after(PATIENCE_MS, () => {
      if (this.#attempt === attempt && this.state === 'logging_on') this.#hangUp();
    });
    // Some hang up before they are answered.
    if (this.#world.chance.hit(0.05))
      this.#world.scheduler.after(this.#world.chance.between(0, 40), () => {
        if (this.#attempt === attempt && this.state === 'logging_on') this.#hangUp();
      });
  }

  /** By what a balancer knows of edges; now and then it is wrong. */
  #host(): EdgeHost | undefined {
    const { hosts, chance } = this.#world;
    const gates = hosts.filter((host) => host instanceof EdgeHost);
    const ready = gates.filter((host) => host.ready);
    return ready.length === 0 || chance.hit(0.02) ? chance.pick(gates) : chance.pick(ready);
  }

  #hangUp(): void {
    this.#leave('disconnect');
    this.#backLater();
  }

  #leave(cause: 'logout' | 'disconnect'): void {
    const seat = this.#seat;
    this.#seat = undefined;
    this.#attempt++;
    if (seat !== undefined) seat.host.leave(seat, cause);
    this.#become('away');
  }

  loggedOn(seat: Seat): void {
    if (this.#seat !== seat) return;
    this.#world.trace(this.name, () => `logged on at ${seat.host.name} as ${seat.session?.session.session_id}`);
    this.#become('on');
    const attempt = this.#attempt;
    const { scheduler, chance } = this.#world;
    scheduler.after(chance.hit(this.#world.plan.restless) ? chance.between(...STAY_MS) : FOR_EVER_MS, () => {
      if (this.#attempt !== attempt || this.state !== 'on' || this.#world.calm) return;
      this.#world.trace(this.name, () => 'goes');
      this.#leave(chance.hit(0.7) ? 'logout' : 'disconnect');
      this.#backLater();
    });
    this.#send(attempt);
  }

  refused(seat: Seat, reason: string): void {
    if (this.#seat !== seat) return;
    this.refusedFor = reason;
    this.#world.trace(this.name, () => `is refused: ${reason}`);
    this.#seat = undefined;
    this.#become('away');
    this.#backLater();
  }

  ended(seat: Seat, cause: string): void {
    if (this.#seat !== seat) return;
    this.#world.trace(this.name, () => `has lost its session: ${cause}`);
    this.#seat = undefined;
    this.#become('away');
    this.#backLater();
  }

  #send(attempt: number): void {
    const { scheduler, chance } = this.#world;
    scheduler.after(this.#everyMs * chance.between(0.2, 1.8) * this.#ease(), () => {
      const seat = this.#seat;
      if (seat === undefined || this.#attempt !== attempt || this.state !== 'on') return;
      const kind = chance.next();
      // Now and then all at once: what an edge holds for a client that was quiet is spent in one go.
      const count = chance.hit(0.03) ? chance.whole(5, 40) : 1;
      for (let sent = 0; sent < count; sent++)
        seat.host.message(seat, kind < 0.75 ? ORDER : kind < 0.88 ? CANCEL : MESSAGE);
      this.#send(attempt);
    });
  }

  /** By how much it sends less than its pace for the moment: clients have quiet times and busy ones. */
  #ease(): number {
    const { scheduler, chance } = this.#world;
    if (scheduler.now >= this.#moodUntil) {
      this.#moodUntil = scheduler.now + chance.between(300, 4_000);
      this.#mood = chance.pick([0.5, 1, 1, 8]);
    }
    return this.#mood;
  }

  #become(state: State): void {
    this.state = state;
    this.since = this.#world.scheduler.now;
  }

  #backLater(): void {
    if (this.retired) return;
    const { scheduler, chance } = this.#world;
    const [least, most] = this.rival ? RIVAL_BACK_MS : BACK_MS;
    scheduler.after(chance.between(least, most), () => this.connect());
  }
}
