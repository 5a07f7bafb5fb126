/**
 * The metrics that CloudWatch gets: once a minute a line of the log in its embedded metric format, from what Prometheus
 * would be told. Few names and one dimension, since each is paid for; the reasons of refusals stand beside them as
 * properties that a query of the log finds.
 */

/** As prom-client gives a metric. */
export interface ReadMetric {
  readonly name: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number | undefined>>;
    readonly metricName?: string | undefined;
  }[];
}

const NAMESPACE = 'fixgate';
const UNAVAILABLE = 'unavailable';
/** CloudWatch's own names of units. */
type Unit = 'Count' | 'Milliseconds' | 'Bytes' | 'None';

/** Turns readings into lines; keeps the last one, since counters only rise. */
export class EmfReporter {
  readonly #deployment: string;
  readonly #edge: string;
  #before = new Map<string, number>();

  /** @param deployment the dimension: prefix and stage @param edge a property, no dimension */
  constructor(deployment: string, edge: string) {
    this.#deployment = deployment;
    this.#edge = edge;
  }

  /** @param now epoch ms */
  line(metrics: readonly ReadMetric[], now: number): string {
    const flat = flattened(metrics);
    const rise = (wanted: (series: string) => boolean): number => {
      let sum = 0;
      for (const [series, value] of flat)
        if (wanted(series)) sum += Math.max(0, value - (this.#before.get(series) ?? 0));
      return sum;
    };
    const gauge = (name: string): number => flat.get(name) ?? 0;
    const slowest = (name: string): number => this.#quantile(flat, name, 0.99) * 1000;
    const accepted = 'fix_login_attempts_total{status=accepted}';
    const unavailable = `fix_login_attempts_total{status=${UNAVAILABLE}}`;
    const of = (name: string) => (series: string) => series.startsWith(`${name}{`) || series === name;
    const throttled = (s: string): boolean => of('fix_store_tries_failed_total')(s) && s.includes('why=throttled');
    const values: Readonly<Record<string, readonly [number, Unit]>> = {
      Sessions: [gauge('fix_sessions'), 'Count'],
      Connections: [gauge('fix_connections'), 'Count'],
      NotLoggedOn: [gauge('fix_connections_not_logged_on'), 'Count'],
      OrdersNotAllowed: [1 - gauge('fix_orders_allowed'), 'Count'],
      JournalUnhealthy: [1 - gauge('fix_journal_healthy'), 'Count'],
      JournalWaiting: [gauge('fix_journal_waiting_bytes'), 'Bytes'],
      LogonsAccepted: [rise((series) => series === accepted), 'Count'],
      LogonsUnavailable: [rise((series) => series === unavailable), 'Count'],
      LogonsRefused: [rise((s) => of('fix_login_attempts_total')(s) && s !== accepted && s !== unavailable), 'Count'],
      MessagesIn: [rise((series) => series.startsWith('fix_messages_total{direction=in')), 'Count'],
      MessagesOut: [rise((series) => series.startsWith('fix_messages_total{direction=out')), 'Count'],
      LimiterRefusals: [rise(of('fix_rate_limit_exceeded_total')), 'Count'],
      LeaseCalls: [rise(of('fix_lease_calls_total')), 'Count'],
      LeaseFailures: [rise(of('fix_lease_failures_total')), 'Count'],
      LeaseTokensGranted: [rise(of('fix_lease_tokens_granted_total')), 'Count'],
      LeaseTokensWasted: [rise(of('fix_lease_tokens_wasted_total')), 'Count'],
      MessagesWaited: [rise(of('fix_messages_waited_total')), 'Count'],
      ReportsKept: [rise(of('fix_reports_kept_total')), 'Count'],
      StoreFailures: [rise((s) => s.startsWith('fix_store_seconds_count{') && s.includes('outcome=failed')), 'Count'],
      StoreThrottled: [rise(throttled), 'Count'],
      LogonP99: [slowest('fix_logon_seconds'), 'Milliseconds'],
      OrderToReportP99: [slowest('fix_order_to_report_seconds'), 'Milliseconds'],
      StoreP99: [slowest('fix_store_seconds'), 'Milliseconds'],
      EventLoopLagP99: [gauge('nodejs_eventloop_lag_p99_seconds') * 1000, 'Milliseconds'],
      ClockOffset: [Math.abs(gauge('fix_clock_offset_seconds')) * 1000, 'Milliseconds'],
    };
    const refused = Object.fromEntries(this.#refusals(flat));
    this.#before = flat;
    const Metrics = Object.entries(values).map(([Name, [, Unit]]) => ({ Name, Unit }));
    return JSON.stringify({
      _aws: { Timestamp: now, CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [['deployment']], Metrics }] },
      deployment: this.#deployment,
      edge: this.#edge,
      refused,
      ...Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value])),
    });
  }

  *#refusals(flat: ReadonlyMap<string, number>): Generator<[string, number]> {
    for (const [series, value] of flat) {
      const reason = /^fix_login_attempts_total\{status=(.*)\}$/.exec(series)?.[1];
      const count = value - (this.#before.get(series) ?? 0);
      if (reason !== undefined && reason !== 'accepted' && count > 0) yield [reason, count];
    }
  }

  /** Upper bound, in seconds, of the bucket that holds this share of what was observed since the last line; 0: nothing was. */
  #quantile(flat: ReadonlyMap<string, number>, name: string, share: number): number {
    const buckets = new Map<number, number>();
    for (const [series, value] of flat) {
      const bound = series.startsWith(`${name}_bucket{`) ? /[{,]le=([^,}]+)/.exec(series)?.[1] : undefined;
      if (bound === undefined) continue;
      const le = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
      buckets.set(le, (buckets.get(le) ?? 0) + value - (this.#before.get(series) ?? 0));
    }
    const bounds = [...buckets.keys()].sort((a, b) => a - b);
    const all = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
    if (all <= 0) return 0;
    const found = bounds.find((bound) => (buckets.get(bound) ?? 0) >= share * all) ?? 0;
    // Beyond the last bound nothing is known but that.
    return Number.isFinite(found) ? found : (bounds.at(-2) ?? 0);
  }
}

/** `name{label=value,…}` to value. */
function flattened(metrics: readonly ReadMetric[]): Map<string, number> {
  const flat = new Map<string, number>();
  for (const { name, values } of metrics)
    for (const { value, labels, metricName = name } of values) {
      const parts = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
      flat.set(parts.length === 0 ? metricName : `${metricName}{${parts.join(',')}}`, value);
    }
  return flat;
}
