/** A figure for CloudWatch, as a line of the log in its embedded metric format. */

const NAMESPACE = 'fixgate';
/** Prefix and stage: deployments in one account have figures of their own. */
const deployment = process.env.FIXGATE_DEPLOYMENT ?? '';

/** @param name as the alarms of lib/monitoring-stack.ts have it */
export function metric(name: string, value: number, unit: 'Count' | 'Milliseconds' = 'Count'): void {
  const Metrics = [{ Name: name, Unit: unit }];
  const CloudWatchMetrics = [{ Namespace: NAMESPACE, Dimensions: [['deployment']], Metrics }];
  const line = { _aws: { Timestamp: Date.now(), CloudWatchMetrics }, deployment, [name]: value };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
