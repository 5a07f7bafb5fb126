/** The audit trail beyond its table: an archive that nobody can alter, and signed checkpoints. */
import { CfnOutput, Duration, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { type DlqDestinationConfig, FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { DataEvents } from './constructs/data-events.ts';
import { acknowledgeSchedule, ProductFunction } from './constructs/product-function.ts';
import type { Context } from './context.ts';
import type { StorageStack } from './storage-stack.ts';

export interface AuditStackProps extends StackProps {
  readonly context: Context;
  readonly storage: StorageStack;
}

export class AuditStack extends Stack {
  /** Stream to archive. */
  readonly archiver: ProductFunction;
  /** What the stream did not bring. */
  readonly gapFiller: ProductFunction;
  readonly checkpointer: ProductFunction;
  /** Writes to the tables by others than the deployment's roles; undefined: nobody counts them. */
  readonly directWrites: Metric | undefined;
  /** Records that could not be archived: places in the stream. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { context, storage, ...props }: AuditStackProps) {
    super(scope, id, props);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    Validations.of(this.deadLetters).acknowledge(
      { id: 'AwsSolutions-SQS3', reason: 'It is the dead letter queue.' },
      { id: 'Serverless-SQSRedrivePolicy', reason: 'It is the dead letter queue.' },
    );
    const environment = { ...storage.variables(), FIXGATE_ARCHIVE_BUCKET: storage.archive.bucketName };
    const make = (name: string, entry: string, description: string, timeout: Duration, more = {}) =>
      new ProductFunction(this, name, {
        context,
        entry,
        description,
        environment: { ...environment, ...more },
        timeout,
        deadLetters: this.deadLetters,
      });
    this.archiver = make('Archiver', 'archive', 'audit records to the archive', Duration.seconds(60));
    this.gapFiller = make('GapFiller', 'archive-gaps', 'what the stream did not archive', Duration.minutes(15));
    this.checkpointer = make('Checkpointer', 'checkpoint', 'signed checkpoints', Duration.seconds(110), {
      FIXGATE_AUDIT_KEY_ARN: storage.auditKey.keyArn,
    });
    this.directWrites = context.dataEvents === 'on' ? new DataEvents(this, context, storage).directWrites : undefined;
    this.#feed(storage);
    this.#grant(storage);
    this.#schedule('Nightly', Schedule.cron({ minute: '17', hour: '3' }), this.gapFiller, 'fills gaps of the archive');
    new CfnOutput(this, 'GapFillerName', {
      value: this.gapFiller.functionName,
      description: 'called by hand after an outage',
    });
    new CfnOutput(this, 'CheckpointerName', {
      value: this.checkpointer.functionName,
      description: 'makes a checkpoint',
    });
    this.#schedule('EveryMinute', Schedule.rate(Duration.minutes(1)), this.checkpointer, 'makes a checkpoint');
  }

  #feed(storage: StorageStack): void {
    const record = { S: FilterRule.exists() };
    this.archiver.addEventSource(
      new DynamoEventSource(storage.tables.audit as ITable, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 100,
        maxBatchingWindow: Duration.seconds(1),
        bisectBatchOnError: true,
        reportBatchItemFailures: true,
        retryAttempts: 20,
        parallelizationFactor: 2,
        onFailure: { bind: () => this.#deadLettersOf(this.archiver) },
        // Rows that are no records (days, notes, checkpoints) are nobody's matter here.
        filters: [
          FilterCriteria.filter({ dynamodb: { NewImage: { record } } }),
          FilterCriteria.filter({ eventName: FilterRule.isEqual('REMOVE'), dynamodb: { OldImage: { record } } }),
        ],
      }),
    );
  }

  /** As the library's own destination, which would let the function ask for the queue's attributes as well. */
  #deadLettersOf(fn: ProductFunction): DlqDestinationConfig {
    const { queueArn: destination } = this.deadLetters;
    Grant.addToPrincipal({ grantee: fn, actions: ['sqs:SendMessage'], resourceArns: [destination] });
    return { destination };
  }

  #grant(storage: StorageStack): void {
    storage.grant(this.archiver, 'archiver');
    storage.grant(this.gapFiller, 'gapFiller');
    storage.grant(this.checkpointer, 'checkpointer');
    storage.grantArchive(this.archiver, 'put-records');
    storage.grantArchive(this.gapFiller, 'fill-records');
    storage.grantArchive(this.checkpointer, 'checkpoints');
    storage.grantSigning(this.checkpointer);
  }

  #schedule(name: string, schedule: Schedule, fn: ProductFunction, description: string): void {
    const rule = new Rule(this, name, { description: `fixgate: ${description}`, schedule });
    rule.addTarget(new LambdaFunction(fn, { retryAttempts: 2, event: RuleTargetInput.fromObject({}) }));
    acknowledgeSchedule(rule);
  }
}
