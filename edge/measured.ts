/** Stores that tell how long their calls take. */

import type { Stores } from '../adapters/stores.ts';
import type { Metrics } from './metrics.ts';

/** The same stores; each call that returns a promise is timed under `store.method`. */
export function measured(stores: Stores, metrics: Metrics): Stores {
  const timed = Object.entries(stores).map(([name, store]) => [name, timedPort(name, store, metrics)]);
  return Object.fromEntries(timed) as Stores;
}

function timedPort(name: string, port: object, metrics: Metrics): object {
  return new Proxy(port, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const since = performance.now();
        const answer: unknown = Reflect.apply(value, target, args);
        if (!(answer instanceof Promise)) return answer;
        const took = (ok: boolean) => metrics.storeTook(`${name}.${String(property)}`, ok, performance.now() - since);
        answer.then(
          () => took(true),
          () => took(false),
        );
        return answer;
      };
    },
  });
}
