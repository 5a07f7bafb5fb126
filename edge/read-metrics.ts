/** Metrics that are read off something else when Prometheus asks. */

import {
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValueWithName,
  type Registry,
} from 'prom-client';

/** A value that goes up and down. @param aggregator what workers of one edge say of it together */
export function readGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number,
  aggregator: 'sum' | 'average' | 'min' = 'sum',
): void {
  new Gauge({
    name,
    help,
    aggregator,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A sum that is kept elsewhere and only rises. */
export function readCounter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** How long things took. To count one is an addition in an array; prom-client's own histogram makes a text of each bound that it counts under. */
export class Durations {
  readonly bounds: readonly number[];
  /** What lies within each bound and above the one before, what lies above all of them, and the sum. */
  readonly #cells: Float64Array;

  /** @param bounds seconds, ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#cells = new Float64Array(bounds.length + 2);
  }

  add(seconds: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && seconds > bounds[at]!) at += 1;
    this.#cells[at]! += 1;
    this.#cells[bounds.length + 1]! += seconds;
  }

  /** Of those within this bound and the ones before, by its index; {@link bounds}.length: of all. */
  upTo(bound: number): number {
    let count = 0;
    for (let at = 0; at <= bound; at++) count += this.#cells[at]!;
    return count;
  }

  /** In seconds. */
  get sum(): number {
    return this.#cells[this.bounds.length + 1]!;
  }
}

class ReadHistogram extends Histogram<'le'> {
  readonly #told: { readonly name: string; readonly help: string; readonly durations: Durations };

  constructor(registry: Registry, name: string, help: string, durations: Durations) {
    super({ name, help, registers: [registry] });
    this.#told = { name, help, durations };
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<'le'>>> {
    const { name, help, durations } = this.#told;
    const { bounds, sum } = durations;
    const of = (part: string, value: number, le?: number | string) => ({
      metricName: `${name}_${part}`,
      labels: le === undefined ? {} : { le },
      value,
    });
    const count = durations.upTo(bounds.length);
    const values = [
      ...bounds.map((bound, at) => of('bucket', durations.upTo(at), bound)),
      of('bucket', count, '+Inf'),
      of('sum', sum),
      of('count', count),
    ];
    // A number by its types, a word when it runs.
    const type = 'histogram' as unknown as MetricType;
    return { name, help, type, values, aggregator: 'sum', collect: () => {} };
  }

  /** What prom-client asks in place of {@link get} where it writes text. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<'le'>>> {
    return this.get();
  }
}

/** A histogram of what is counted elsewhere. */
export function readDurations(registry: Registry, name: string, help: string, durations: Durations): void {
  new ReadHistogram(registry, name, help, durations);
}
