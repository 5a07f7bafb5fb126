/** Metrics by the names that edges and functions give them (edge/emf.ts, lambdas/metric.ts). */
import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type Context, deploymentName, edgesName } from './context.ts';

const NAMESPACE = 'fixgate';

/** A metric of the edges of this color, and of their canary, by the minute. */
export function edgeMetric(context: Context, metricName: string, statistic: string): Metric {
  return metric(edgesName(context), metricName, statistic);
}

/** A metric of what all colors share. */
export function deploymentMetric(context: Context, metricName: string, statistic: string): Metric {
  return metric(deploymentName(context), metricName, statistic);
}

function metric(deployment: string, metricName: string, statistic: string): Metric {
  const dimensionsMap = { deployment };
  return new Metric({ namespace: NAMESPACE, metricName, dimensionsMap, statistic, period: Duration.minutes(1) });
}
