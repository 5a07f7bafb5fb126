/** A figure for CloudWatch, as a line of the log in its embedded metric format. */

export const NAMESPACE = 'fixgate';

/** @param name as the alarms of lib/monitoring-stack.ts have it */
export function metric(name: string, value: number, unit: 'Count' | 'Milliseconds' = 'Count'): void {
  const Metrics = [{ Name: name, Unit: unit }];
  const _aws = { Timestamp: Date.now(), CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [[]], Metrics }] };
  process.stdout.write(`${JSON.stringify({ _aws, [name]: value })}\n`);
}
