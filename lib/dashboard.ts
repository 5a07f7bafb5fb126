/** One page for whoever watches. */
import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryWidget,
  Metric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Watched } from './alarms.ts';
import { edgesName } from './context.ts';
import { edgeMetric } from './metrics.ts';

const WIDTH = 12;

/** A row of the dashboard. */
type Row = readonly IWidget[];

const graph = (title: string, left: readonly IMetric[]): IWidget =>
  new GraphWidget({ title, left: [...left], width: WIDTH });

export function makeDashboard(scope: Construct, watched: Watched, alarms: readonly Alarm[]): Dashboard {
  const dashboard = new Dashboard(scope, 'Dashboard', {
    dashboardName: edgesName(watched.context),
    defaultInterval: Duration.hours(3),
  });
  dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24 }));
  for (const row of [...edgeRows(watched), ...behindRows(watched)]) dashboard.addWidgets(...row);
  return dashboard;
}

function edgeRows({ context, edge, storage }: Watched): readonly Row[] {
  const own = (names: readonly string[], statistic: string) =>
    names.map((name) => edgeMetric(context, name, statistic));
  const query = (title: string, ...queryLines: string[]): IWidget =>
    new LogQueryWidget({ title, logGroupNames: [edge.logGroup.logGroupName], queryLines, width: WIDTH });
  return [
    [
      graph('Logons', own(['LogonsAccepted', 'LogonsRefused', 'LogonsUnavailable'], Stats.SUM)),
      query('Refusals by reason', 'filter LogonsRefused > 0', 'fields @timestamp, edge, refused'),
    ],
    [
      graph('Sessions', [...own(['Sessions'], Stats.SUM), ...own(['Sessions'], Stats.MAXIMUM)]),
      query('Sessions per edge', 'filter ispresent(Sessions)', 'stats latest(Sessions) as sessions by edge'),
    ],
    [
      graph('Latency, 99 of 100 (ms)', own(['OrderToReportP99', 'LogonP99', 'StoreP99', 'CanaryLogon'], Stats.MAXIMUM)),
      graph('Messages', own(['MessagesIn', 'MessagesOut', 'ReportsKept'], Stats.SUM)),
    ],
    [
      graph('Journal: bytes that wait for the store', own(['JournalWaiting'], Stats.MAXIMUM)),
      graph('Cost: capacity of the journal', [
        storage.tables.journal.metricConsumedWriteCapacityUnits({ statistic: Stats.SUM }),
      ]),
    ],
    [
      graph('Limiter', own(['LimiterRefusals', 'MessagesWaited'], Stats.SUM)),
      graph('Leases', own(['LeaseCalls', 'LeaseFailures', 'LeaseTokensGranted', 'LeaseTokensWasted'], Stats.SUM)),
    ],
  ];
}

function behindRows({ storage, adminApi, edge }: Watched): readonly Row[] {
  const functions = Object.values(adminApi.functions);
  const tables = Object.values(storage.tables);
  const statistic = Stats.SUM;
  return [
    [
      graph(
        'Functions: errors and throttles',
        functions.flatMap((fn) => [fn.metricErrors(), fn.metricThrottles()]),
      ),
      graph(
        'Functions: duration',
        functions.map((fn) => fn.metricDuration({ statistic: Stats.p(99) })),
      ),
    ],
    [
      graph(
        'Store: throttled reads and writes',
        tables.flatMap(({ tableName }) => throttles(tableName)),
      ),
      graph(
        'Cost: capacity units',
        tables.flatMap((table) => [
          table.metricConsumedReadCapacityUnits({ statistic }),
          table.metricConsumedWriteCapacityUnits({ statistic }),
        ]),
      ),
    ],
    [
      graph(
        'Cost: calls of KMS in this account',
        ['CryptographicOperationsSymmetric', 'CryptographicOperationsEcc'].map(kmsCalls),
      ),
      graph('Cost: balancer', [
        edge.balancer.metrics.consumedLCUs(),
        edge.balancer.metrics.activeFlowCount(),
        edge.balancer.metrics.processedBytes(),
      ]),
    ],
  ];
}

const throttles = (TableName: string): readonly Metric[] =>
  ['ReadThrottleEvents', 'WriteThrottleEvents'].map(
    (metricName) =>
      new Metric({ namespace: 'AWS/DynamoDB', metricName, dimensionsMap: { TableName }, statistic: Stats.SUM }),
  );

const kmsCalls = (Resource: string): Metric =>
  new Metric({
    namespace: 'AWS/Usage',
    metricName: 'CallCount',
    dimensionsMap: { Service: 'KMS', Type: 'API', Class: 'None', Resource },
    statistic: Stats.SUM,
  });
