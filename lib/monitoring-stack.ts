/** Who watches: alarms with a place in the runbook, one alarm for what matters most, a dashboard, and a canary that logs on. */
import { CfnOutput, CustomResource, Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { Alarm, AlarmRule, ComparisonOperator, CompositeAlarm, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { Grant, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { type AlarmRow, alarmRows, type Watched } from './alarms.ts';
import { grantSecretValue } from './constructs/grants.ts';
import { acknowledgeSchedule, ProductFunction } from './constructs/product-function.ts';
import { type Context, edgesName } from './context.ts';
import { makeDashboard } from './dashboard.ts';
import { CONTAINER_PORT } from './edge-stack.ts';

export interface MonitoringStackProps extends StackProps {
  readonly watched: Watched;
}

const RUNBOOK = 'docs/RUNBOOK.md';

export class MonitoringStack extends Stack {
  readonly topic: Topic;
  readonly canary: ProductFunction;

  constructor(scope: Construct, id: string, { watched, ...props }: MonitoringStackProps) {
    super(scope, id, props);
    const { context } = watched;
    this.topic = this.#topic(context);
    const rows = alarmRows(watched);
    const alarms = new Map(rows.map((row) => [row, this.#alarm(row, context)]));
    this.#composite(rows, alarms, context);
    this.#breakGlass(watched);
    makeDashboard(this, watched, [...alarms.values()]);
    this.canary = this.#canary(watched);
    new CfnOutput(this, 'CanaryName', { value: this.canary.functionName, description: 'logs on each minute' });
    new CfnOutput(this, 'AlarmTopic', { value: this.topic.topicArn, description: 'of all alarms' });
  }

  #topic(context: Context): Topic {
    const masterKey = new Key(this, 'AlarmKey', {
      description: 'fixgate: what alarms say',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Alarms cannot write to a topic whose key does not let them.
    masterKey.grant(new ServicePrincipal('cloudwatch.amazonaws.com'), 'kms:Decrypt', 'kms:GenerateDataKey');
    if (context.breakGlassPrincipal !== undefined)
      masterKey.grant(new ServicePrincipal('events.amazonaws.com'), 'kms:Decrypt', 'kms:GenerateDataKey');
    const topic = new Topic(this, 'Alarms', { masterKey, enforceSSL: true });
    if (context.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(context.alarmEmail));
    Validations.of(topic).acknowledge({
      id: 'Serverless-SNSRedrivePolicy',
      reason: 'A mail that was not taken is as late as the alarm; the state of alarms stands in CloudWatch.',
    });
    return topic;
  }

  /** Whoever takes the role on is told of at once. CloudTrail must be on in the account: events of STS come by it. */
  #breakGlass({ storage }: Watched): void {
    if (storage.breakGlass === undefined) return;
    const rule = new Rule(this, 'BreakGlassUsed', {
      description: 'fixgate: somebody uses the break-glass role',
      eventPattern: {
        source: ['aws.sts'],
        detailType: ['AWS API Call via CloudTrail'],
        detail: { eventName: ['AssumeRole'], requestParameters: { roleArn: [storage.breakGlass.roleArn] } },
      },
      targets: [new SnsTopic(this.topic)],
    });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason: 'The call stands in CloudTrail, and what was done by it in the audit trail; a queue would tell nobody.',
    });
  }

  #alarm(row: AlarmRow, context: Context): Alarm {
    const { name, says, runbook, metric, above, below = 0, outOf, missingIsBad = false } = row;
    const [datapointsToAlarm, evaluationPeriods] = outOf;
    const alarm = new Alarm(this, `Alarm-${name}`, {
      alarmName: `${edgesName(context)}-${name}`,
      alarmDescription: `${says}. ${context.runbookUrl ?? RUNBOOK}#${runbook}`,
      metric,
      threshold: above ?? below,
      comparisonOperator:
        above === undefined ? ComparisonOperator.LESS_THAN_THRESHOLD : ComparisonOperator.GREATER_THAN_THRESHOLD,
      datapointsToAlarm,
      evaluationPeriods,
      treatMissingData: missingIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    return alarm;
  }

  #composite(rows: readonly AlarmRow[], alarms: ReadonlyMap<AlarmRow, Alarm>, context: Context): void {
    const causes = rows.filter(({ cannotLogOn }) => cannotLogOn).map((row) => alarms.get(row) as Alarm);
    const composite = new CompositeAlarm(this, 'CannotLogOn', {
      compositeAlarmName: `${edgesName(context)}-clients-cannot-log-on`,
      alarmDescription: `Clients cannot log on. ${context.runbookUrl ?? RUNBOOK}#everybody-is-refused`,
      alarmRule: AlarmRule.anyOf(...causes.map((alarm) => AlarmRule.fromAlarm(alarm, 'ALARM' as never))),
    });
    composite.addAlarmAction(new SnsAction(this.topic));
  }

  /** Inside the VPC, since from outside only named addresses come in; it speaks to each edge, as the balancer does. */
  #canary(watched: Watched): ProductFunction {
    const { context, edge } = watched;
    const secret = new Secret(this, 'CanarySecret', {
      description: 'fixgate: credential of the canary',
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Delete its value and deploy: the canary gets a new password. It can place orders at the tier of a beginner, from inside the VPC.',
    });
    const canary = new ProductFunction(this, 'Canary', {
      context,
      entry: 'canary',
      description: 'a client that logs on each minute',
      timeout: Duration.seconds(55),
      network: {
        vpc: edge.vpc,
        vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
        securityGroups: [edge.canaryGroup],
      },
      environment: {
        FIXGATE_DEPLOYMENT: edgesName(context),
        FIXGATE_CANARY_SECRET_ARN: secret.secretArn,
        FIXGATE_CANARY_HOST: edge.edgesName,
        FIXGATE_CANARY_PORT: String(CONTAINER_PORT),
        FIXGATE_PROXY_PROTOCOL: context.proxyProtocol,
        FIXGATE_CANARY_TLS: context.fixTls === 'container' ? 'on' : 'off',
      },
    });
    grantSecretValue(canary, secret);
    if (canary.role !== undefined)
      Validations.of(canary.role).acknowledge({
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]',
        reason: 'A function in a VPC makes its network interfaces by this policy.',
      });
    const rule = new Rule(this, 'EveryMinute', {
      description: 'fixgate: the canary logs on',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(canary, { retryAttempts: 0 })],
    });
    acknowledgeSchedule(rule);
    this.#credential(watched, secret);
    return canary;
  }

  #credential({ context, storage }: Watched, secret: Secret): void {
    const fn = new ProductFunction(this, 'CanaryUser', {
      context,
      entry: 'canary-user',
      description: 'gives the canary its credential',
      timeout: Duration.seconds(60),
      environment: {
        ...storage.variables(),
        FIXGATE_CURSOR_KEY_SECRET_ARN: storage.cursorKey.secretArn,
        FIXGATE_CANARY_SECRET_ARN: secret.secretArn,
        // Each color's canary has a password of its own.
        FIXGATE_CANARY_USER: context.color === undefined ? 'fixgate-canary' : `fixgate-canary-${context.color}`,
      },
    });
    storage.grant(fn, 'canaryUser');
    storage.grantCursorKey(fn);
    storage.grantEnvelope(fn);
    Grant.addToPrincipal({
      grantee: fn,
      actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'],
      resourceArns: [secret.secretArn],
    });
    const resource = new CustomResource(this, 'CanaryCredential', {
      resourceType: 'Custom::FixgateCanaryCredential',
      serviceToken: fn.functionArn,
      serviceTimeout: Duration.minutes(5),
      properties: { Revision: 1 },
    });
    const policy = fn.role?.node.tryFindChild('DefaultPolicy');
    if (policy !== undefined) resource.node.addDependency(policy);
  }
}
