/** Metrics that are read off something else when Prometheus asks. */

import { Counter, Gauge, type Registry } from 'prom-client';

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
