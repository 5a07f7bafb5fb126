/** Every alarm as a row: what is watched, when it is too much, and where the runbook says what to do. */
import { Duration } from 'aws-cdk-lib';
import { type IMetric, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { AdminApiStack } from './admin-api-stack.ts';
import type { AuditStack } from './audit-stack.ts';
import type { Context } from './context.ts';
import type { EdgeStack } from './edge-stack.ts';
import { deploymentMetric, edgeMetric } from './metrics.ts';
import type { StorageStack } from './storage-stack.ts';

export interface Watched {
  readonly context: Context;
  readonly storage: StorageStack;
  readonly audit: AuditStack;
  readonly adminApi: AdminApiStack;
  readonly edge: EdgeStack;
}

export interface AlarmRow {
  readonly name: string;
  /** What it means, for whoever is woken. */
  readonly says: string;
  /** Heading of docs/RUNBOOK.md, as an anchor. */
  readonly runbook: string;
  readonly metric: IMetric;
  readonly above?: number;
  readonly below?: number;
  /** Of the last minutes (or periods), how many. */
  readonly outOf: readonly [bad: number, of: number];
  /** No figure at all is as bad as a bad one. */
  readonly missingIsBad?: boolean;
  /** Part of "clients cannot log on". */
  readonly cannotLogOn?: boolean;
}

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);

export function alarmRows(watched: Watched): readonly AlarmRow[] {
  return [
    ...logonAlarms(watched),
    ...edgeAlarms(watched),
    ...storeAlarms(watched),
    ...apiAlarms(watched),
    ...auditAlarms(watched),
  ];
}

const healthyEdges = ({ targets }: EdgeStack) =>
  targets.metrics.healthyHostCount({ period: MINUTE, statistic: Stats.MINIMUM });

/** What "clients cannot log on" is made of. */
function logonAlarms({ context, edge }: Watched): readonly AlarmRow[] {
  const own = (name: string, statistic: string) => edgeMetric(context, name, statistic);
  const healthy = healthyEdges(edge);
  return [
    {
      name: 'CanaryFails',
      says: 'the canary could not log on to every edge',
      runbook: 'everybody-is-refused',
      metric: own('CanaryFailures', Stats.MAXIMUM),
      above: 0,
      outOf: [3, 5],
      missingIsBad: true,
      cannotLogOn: true,
    },
    {
      name: 'NoEdge',
      says: 'the balancer has no healthy edge',
      runbook: 'an-edge-died',
      metric: healthy,
      below: 1,
      outOf: [2, 2],
      missingIsBad: true,
      cannotLogOn: true,
    },
    {
      name: 'LogonsUnavailable',
      says: 'logons are refused because store or key service do not answer',
      runbook: 'everybody-is-refused',
      metric: own('LogonsUnavailable', Stats.SUM),
      above: 0,
      outOf: [3, 5],
      cannotLogOn: true,
    },
  ];
}

/** What an edge tells of itself. */
function edgeAlarms({ context, edge }: Watched): readonly AlarmRow[] {
  const own = (name: string, statistic: string) => edgeMetric(context, name, statistic);
  return [
    {
      name: 'FewEdges',
      says: `fewer than ${context.desiredCount} edges are healthy`,
      runbook: 'an-edge-died',
      metric: healthyEdges(edge),
      below: context.desiredCount,
      outOf: [10, 10],
    },
    {
      name: 'OrdersNotAllowed',
      says: 'an edge has lost its lease: it refuses orders, cancels pass',
      runbook: 'the-store-is-away',
      metric: own('OrdersNotAllowed', Stats.MAXIMUM),
      above: 0,
      outOf: [2, 3],
    },
    ...journalAlarms(context),
    {
      name: 'LogonsSlow',
      says: 'a Logon in a hundred takes longer than a second',
      runbook: 'the-store-is-away',
      metric: own('LogonP99', Stats.MAXIMUM),
      above: 1000,
      outOf: [5, 10],
    },
    {
      name: 'ManyRefused',
      says: 'more than a thousand logons a minute are refused',
      runbook: 'a-client-cannot-log-on',
      metric: own('LogonsRefused', Stats.SUM),
      above: 1000,
      outOf: [5, 5],
    },
    {
      name: 'EventLoopBusy',
      says: 'an edge has too much to do for one process',
      runbook: 'health-and-metrics',
      metric: own('EventLoopLagP99', Stats.MAXIMUM),
      above: 100,
      outOf: [5, 5],
    },
    {
      name: 'ClockOff',
      says: 'the clock of an edge is off by more than a quarter of a second',
      runbook: 'a-clock-is-off',
      metric: own('ClockOffset', Stats.MAXIMUM),
      above: 250,
      outOf: [3, 5],
    },
    {
      name: 'LeasesFail',
      says: 'exchanges of tokens with the store fail',
      runbook: 'the-store-is-away',
      metric: own('LeaseFailures', Stats.SUM),
      above: 10,
      outOf: [3, 5],
    },
  ];
}

function journalAlarms(context: Context): readonly AlarmRow[] {
  const own = (name: string) => edgeMetric(context, name, Stats.MAXIMUM);
  return [
    {
      name: 'JournalUnhealthy',
      says: 'an edge cannot write its journal',
      runbook: 'the-disk-is-full',
      metric: own('JournalUnhealthy'),
      above: 0,
      outOf: [2, 2],
    },
    {
      name: 'JournalWaits',
      says: 'more than a megabyte of an edge’s journal waits for the store: replies do, too',
      runbook: 'the-journal-does-not-get-to-the-store',
      metric: own('JournalWaiting'),
      above: 1_048_576,
      outOf: [2, 3],
    },
  ];
}

function storeAlarms({ context, storage }: Watched): readonly AlarmRow[] {
  const tables = Object.entries(storage.tables).flatMap(([name, table]) =>
    (['Read', 'Write'] as const).map(
      (kind): AlarmRow => ({
        name: `Throttled-${name}-${kind}`,
        says: `${kind === 'Read' ? 'reads of' : 'writes to'} table ${name} are throttled`,
        runbook: 'the-store-is-throttled',
        metric: new Metric({
          namespace: 'AWS/DynamoDB',
          metricName: `${kind}ThrottleEvents`,
          dimensionsMap: { TableName: table.tableName },
          statistic: Stats.SUM,
          period: MINUTE,
        }),
        above: 0,
        outOf: [3, 5],
      }),
    ),
  );
  return [
    ...tables,
    {
      name: 'StoreSlow',
      says: 'a call of an edge to the store in a hundred takes longer than half a second',
      runbook: 'the-store-is-throttled',
      metric: edgeMetric(context, 'StoreP99', Stats.MAXIMUM),
      above: 500,
      outOf: [5, 10],
    },
  ];
}

function apiAlarms({ adminApi, storage }: Watched): readonly AlarmRow[] {
  const functions = Object.entries(adminApi.functions).flatMap(([rights, fn]): AlarmRow[] => [
    {
      name: `FunctionFails-${rights}`,
      says: `function ${rights} of the admin API throws`,
      runbook: 'the-admin-api-fails',
      metric: fn.metricErrors({ period: FIVE_MINUTES }),
      above: 0,
      outOf: [1, 1],
    },
    {
      name: `FunctionThrottled-${rights}`,
      says: `function ${rights} of the admin API has no free concurrency`,
      runbook: 'the-admin-api-fails',
      metric: fn.metricThrottles({ period: FIVE_MINUTES }),
      above: 0,
      outOf: [1, 1],
    },
  ]);
  return [
    ...functions,
    {
      name: 'ApiFails',
      says: 'the admin API answers 5xx',
      runbook: 'the-admin-api-fails',
      metric: adminApi.api.metricServerError({ period: FIVE_MINUTES, statistic: Stats.SUM }),
      above: 0,
      outOf: [2, 3],
    },
    {
      name: 'PreparationFails',
      says: 'branch key and defaults could not be looked after',
      runbook: 'keys-and-their-rotation',
      metric: storage.preparation.metricErrors({ period: FIVE_MINUTES }),
      above: 0,
      outOf: [1, 1],
    },
  ];
}

function auditAlarms({ context, audit }: Watched): readonly AlarmRow[] {
  const own = (name: string) => deploymentMetric(context, name, Stats.SUM).with({ period: FIVE_MINUTES });
  return [
    ...directWrites(audit),
    {
      name: 'AuditChainBroken',
      says: 'a chain of the audit trail is broken and is not signed any more',
      runbook: 'audit-verification-fails',
      metric: own('AuditChainsBroken'),
      above: 0,
      outOf: [1, 1],
    },
    {
      name: 'AuditRowsAltered',
      says: 'a row of the audit trail was altered, removed, or is no record',
      runbook: 'audit-verification-fails',
      metric: own('AuditRowsAltered'),
      above: 0,
      outOf: [1, 1],
    },
    {
      name: 'AuditNotArchived',
      says: 'records could not be archived, and wait in the dead letter queue',
      runbook: 'the-archive-is-behind',
      metric: audit.deadLetters.metricApproximateNumberOfMessagesVisible({
        period: FIVE_MINUTES,
        statistic: Stats.MAXIMUM,
      }),
      above: 0,
      outOf: [1, 1],
    },
    {
      name: 'ArchiveLate',
      says: 'the archive is more than a quarter of an hour behind the trail',
      runbook: 'the-archive-is-behind',
      metric: audit.archiver.metric('IteratorAge', { period: FIVE_MINUTES, statistic: Stats.MAXIMUM }),
      above: 900_000,
      outOf: [1, 1],
    },
    {
      name: 'CheckpointsFail',
      says: 'no checkpoint of the audit trail could be made',
      runbook: 'the-archive-is-behind',
      metric: audit.checkpointer.metricErrors({ period: FIVE_MINUTES }),
      above: 2,
      outOf: [2, 2],
    },
    {
      name: 'CheckpointsStopped',
      says: 'the function that makes checkpoints is not called any more',
      runbook: 'the-archive-is-behind',
      metric: audit.checkpointer.metricInvocations({ period: FIVE_MINUTES }),
      below: 1,
      outOf: [2, 2],
      missingIsBad: true,
    },
  ];
}

/** Only while somebody counts them: `-c dataEvents=on`. */
function directWrites({ directWrites: metric }: AuditStack): readonly AlarmRow[] {
  if (metric === undefined) return [];
  const row: AlarmRow = {
    name: 'DirectWrites',
    says: 'somebody else than the deployment itself writes its tables or its archive',
    runbook: 'somebody-wrote-the-tables',
    metric: metric.with({ period: FIVE_MINUTES }),
    above: 0,
    outOf: [1, 1],
  };
  return [row];
}
