/** Metrics by the names that edges and functions give them (edge/emf.ts, lambdas/metric.ts). */
import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type Context, deploymentName } from './context.ts';

const NAMESPACE = 'fixgate';

/** A metric of this deployment, by the minute. */
export function edgeMetric(context: Context, metricName: string, statistic: string): Metric {
  const dimensionsMap = { deployment: deploymentName(context) };
  return new Metric({ namespace: NAMESPACE, metricName, dimensionsMap, statistic, period: Duration.minutes(1) });
}
