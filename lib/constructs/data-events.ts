/** Who writes the tables and the archive: recorded by CloudTrail, and counted when it is none of the deployment's own roles. */
import { RemovalPolicy, type Stack, Validations } from 'aws-cdk-lib';
import { type CfnTrail, DataResourceType, ReadWriteType, Trail } from 'aws-cdk-lib/aws-cloudtrail';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { TableName } from '../../adapters/dynamodb/tables.ts';
import { type Context, deploymentName } from '../context.ts';
import type { StorageStack } from '../storage-stack.ts';

/** What the past and the rights of clients stand in. */
const WATCHED = ['credentials', 'policy', 'audit'] as const satisfies readonly TableName[];

export class DataEvents extends Construct {
  /** Writes by anybody else than roles whose names begin as the deployment's do. */
  readonly directWrites: Metric;

  constructor(stack: Stack, context: Context, storage: StorageStack) {
    super(stack, 'DataEvents');
    const logGroup = new LogGroup(this, 'Log', {
      retention: context.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const trail = new Trail(this, 'Trail', {
      bucket: this.#bucket() as IBucket,
      sendToCloudWatchLogs: true,
      cloudWatchLogGroup: logGroup,
      managementEvents: ReadWriteType.NONE,
      isMultiRegionTrail: false,
      includeGlobalServiceEvents: false,
      enableFileValidation: true,
    });
    const tables = WATCHED.map((name) => storage.tables[name].tableArn);
    const { branchKeys, archive } = storage;
    // Else the library says that nothing is recorded; the selectors below take its place.
    trail.addEventSelector(DataResourceType.S3_OBJECT, [`${archive.bucketArn}/`]);
    const resource = trail.node.defaultChild as CfnTrail;
    resource.eventSelectors = undefined;
    resource.advancedEventSelectors = [
      selector('writes to tables', 'AWS::DynamoDB::Table', 'equalTo', [...tables, branchKeys.tableArn]),
      selector('writes to the archive', 'AWS::S3::Object', 'startsWith', [`${archive.bucketArn}/`]),
    ];
    const namespace = `fixgate/${deploymentName(context)}`;
    const own = `${deploymentName(context)}-*`;
    new MetricFilter(this, 'DirectWrites', {
      logGroup,
      metricNamespace: namespace,
      metricName: 'DirectWrites',
      metricValue: '1',
      // A user has no issuer of a session at all.
      filterPattern: FilterPattern.literal(
        `{ ($.userIdentity.sessionContext.sessionIssuer.userName NOT EXISTS) || ($.userIdentity.sessionContext.sessionIssuer.userName != "${own}") }`,
      ),
    });
    this.directWrites = new Metric({ namespace, metricName: 'DirectWrites', statistic: Stats.SUM });
  }

  #bucket(): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It holds the log itself; CloudTrail signs digests of what it has put there.',
    });
    return bucket;
  }
}

function selector(name: string, type: string, by: 'equalTo' | 'startsWith', arns: readonly string[]) {
  const fieldSelectors = [
    { field: 'eventCategory', equalTo: ['Data'] },
    { field: 'resources.type', equalTo: [type] },
    { field: 'readOnly', equalTo: ['false'] },
    { field: 'resources.ARN', [by]: [...arns] },
  ];
  return { name, fieldSelectors };
}
