/** What Prometheus is told of this edge among edges: its slots, leases, commands and clock. */

import { Counter, Histogram, type Registry } from 'prom-client';
import type { LimiterFigures } from '../core/limits/admission.ts';
import type { Gate } from '../core/sessions/api.ts';
import type { ClockReading } from '../core/sessions/clock-watch.ts';
import { readCounter, readGauge } from './read-metrics.ts';

/** Between edges that are well about half a second; the longest is a Logon's patience. */
const MOVE_SECONDS = [0.1, 0.25, 0.5, 0.75, 1, 2, 4, 7, 10, 14, 30];
const COMMAND_SECONDS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 30, 300];

export class GateMetrics {
  readonly #registry: Registry;
  readonly #commands: Histogram<'type'>;
  readonly #slots: Counter<'result'>;
  readonly #moves: Histogram<'result'>;
  readonly #wrested: Counter<'by'>;
  #takeovers = 0;
  #fences = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
    const registers = [registry];
    this.#commands = new Histogram({
      name: 'fix_command_age_seconds',
      help: 'From giving a command to applying it here, by two machines’ clocks; its count is of commands applied.',
      labelNames: ['type'],
      buckets: COMMAND_SECONDS,
      registers,
    });
    this.#slots = new Counter({
      name: 'fix_slots_asked_total',
      help: 'Questions for a slot, by what they came to.',
      labelNames: ['result'],
      registers,
    });
    this.#moves = new Histogram({
      name: 'fix_session_moves_seconds',
      help: 'Until the state of a session had come here from another edge, or was found not to.',
      labelNames: ['result'],
      buckets: MOVE_SECONDS,
      registers,
    });
    this.#wrested = new Counter({
      name: 'fix_sessions_wrested_total',
      help: 'Sessions taken from an edge that did not answer: by this one, or from it by others.',
      labelNames: ['by'],
      registers,
    });
    // There from the start, or a rate would not see the first.
    for (const by of ['this', 'others'] as const) this.#wrested.inc({ by }, 0);
    for (const result of ['came', 'failed']) this.#moves.zero({ result });
    readCounter(this.#registry, 'fix_takeovers_total', 'Sessions that a Logon here took over.', () => this.#takeovers);
    readCounter(this.#registry, 'fix_fences_total', 'Times this edge was declared dead.', () => this.#fences);
  }

  moved(came: boolean, ms: number): void {
    this.#moves.observe({ result: came ? 'came' : 'failed' }, ms / 1000);
  }

  wrested(by: 'this' | 'others'): void {
    this.#wrested.inc({ by });
  }

  /** Figures of what others keep. */
  watch(gate: Gate, clock: () => ClockReading | undefined): void {
    const figures = () => gate.limiterFigures();
    readCounter(this.#registry, 'fix_lease_calls_total', 'Exchanges of tokens with the store.', () => figures().calls);
    readCounter(this.#registry, 'fix_lease_failures_total', 'Exchanges that failed.', () => figures().failures);
    readCounter(
      this.#registry,
      'fix_lease_tokens_granted_total',
      'Tokens that the store granted.',
      () => figures().granted,
    );
    readCounter(
      this.#registry,
      'fix_lease_tokens_wasted_total',
      'Granted tokens that ended unspent.',
      () => figures().wasted,
    );
    readCounter(
      this.#registry,
      'fix_messages_waited_total',
      'Messages that waited for tokens.',
      () => figures().waited,
    );
    readCounter(this.#registry, 'fix_admitted_total', 'Messages that the limiter admitted.', () => figures().admitted);
    readCounter(
      this.#registry,
      'fix_unleased_total',
      'Admitted at r/k while the store was away.',
      () => figures().unleased,
    );
    this.#refusals(figures);
    const seconds = (of: keyof ClockReading) => (clock()?.[of] ?? Number.NaN) / 1000;
    readGauge(
      this.#registry,
      'fix_clock_offset_seconds',
      'Our wall clock minus the store’s.',
      () => seconds('offset_ms'),
      'average',
    );
    readGauge(
      this.#registry,
      'fix_clock_error_seconds',
      'The offset is right to within this.',
      () => seconds('error_ms'),
      'average',
    );
  }

  command(type: string, ageMs: number): void {
    this.#commands.observe({ type }, Math.max(0, ageMs) / 1000);
  }

  slot(result: string, supersedes: boolean): void {
    this.#slots.inc({ result });
    if (supersedes && result === 'taken') this.#takeovers += 1;
  }

  fenced(): void {
    this.#fences += 1;
  }

  #refusals(figures: () => LimiterFigures): void {
    new Counter({
      name: 'fix_refused_total',
      help: 'Messages that the limiter refused, by the bucket that was empty; store: none could be asked.',
      labelNames: ['reason'],
      registers: [this.#registry],
      collect() {
        const { refused, refusedStore } = figures();
        this.reset();
        for (const [reason, count] of Object.entries({ ...refused, store: refusedStore })) this.inc({ reason }, count);
      },
    });
  }
}
