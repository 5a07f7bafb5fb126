/** What an edge of the simulation is set to. */
import type { LimiterSettings } from '../../core/limits/settings.ts';
import { type EdgeConfig, readConfig } from '../../edge/config.ts';
import type { Metrics } from '../../edge/metrics.ts';
import type { FixPlan } from '../plan.ts';

/** Figures are for people: nobody looks at them here. */
export const UNSEEN: Metrics = new Proxy(() => {}, {
  get: (_target, name) => (name === 'then' ? undefined : UNSEEN),
  apply: () => undefined,
}) as unknown as Metrics;

const DEFECTS = [
  'failed inside',
  'failed at the end of a turn',
  'threw',
  'does not parse',
  'has forgotten everything',
  'its journal is not in the store',
];

/** How an edge says that something went wrong in itself. */
export const defectOf = ({ narrow }: FixPlan): RegExp =>
  new RegExp([...DEFECTS, ...(narrow === undefined ? ['were dropped'] : [])].join('|'));

/** What may wait for the venue, and from where on no orders are taken: as much as half of it, as in production. */
export const linkBounds = ({ narrow }: FixPlan) =>
  narrow === undefined ? {} : { most_in_all: narrow, most_waiting: narrow / 2 };

export function configOf(
  name: string,
  directory: string,
  { journal, commit, profile }: FixPlan,
  { storeAway }: Partial<LimiterSettings>,
): EdgeConfig {
  return readConfig({
    FIXGATE_EDGE_ID: name,
    FIXGATE_FIX_PORT: '0',
    FIXGATE_METRICS_PORT: '0',
    FIXGATE_DATA_DIR: directory,
    FIXGATE_JOURNAL: journal,
    FIXGATE_COMMIT: commit,
    FIXGATE_STORE_AWAY: storeAway === 'continue' ? 'continue' : 'fail_closed',
    FIXGATE_SESSION_PROFILE: JSON.stringify({ begin_strings: ['FIX.4.4'], ...profile }),
  });
}
