/** One function: bundle, environment, log group. Grants stand beside the resources they are for. */
import { join } from 'node:path';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { Rule } from 'aws-cdk-lib/aws-events';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, type NodejsFunctionProps, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type Context, deploymentName } from '../context.ts';
import { ALIASES, BANNER, entryOf, MAIN_FIELDS, MEMORY_MB, TARGET } from './bundling.ts';

export interface ProductFunctionProps {
  readonly context: Context;
  /** File under lambdas/functions, without its ending. */
  readonly entry: string;
  readonly description: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeout?: Duration;
  /** Where an event goes that failed each time: for what is called without anybody waiting. */
  readonly deadLetters?: IQueue;
  /** Inside a VPC: where, and behind which security groups. */
  readonly network?: Pick<NodejsFunctionProps, 'vpc' | 'vpcSubnets' | 'securityGroups'>;
  /** At most so many at once, and so many kept free for it. */
  readonly reserved?: number | undefined;
}

const ROOT = join(import.meta.dirname, '..', '..');

export class ProductFunction extends NodejsFunction {
  constructor(scope: Construct, id: string, props: ProductFunctionProps) {
    const { context, entry, description, environment = {}, timeout = Duration.seconds(15) } = props;
    super(scope, id, {
      description: `fixgate: ${description}`,
      entry: entryOf(entry),
      handler: 'handler',
      projectRoot: ROOT,
      depsLockFilePath: join(ROOT, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: MEMORY_MB,
      timeout,
      ...(props.deadLetters === undefined ? {} : { deadLetterQueue: props.deadLetters }),
      ...(props.reserved === undefined ? {} : { reservedConcurrentExecutions: props.reserved }),
      tracing: Tracing.ACTIVE,
      environment: {
        FIXGATE_DEPLOYMENT: deploymentName(context),
        ...environment,
      },
      ...(props.network === undefined ? {} : props.network),
      logGroup: new LogGroup(scope, `${id}Logs`, {
        retention: context.logRetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      bundling: {
        format: OutputFormat.ESM,
        target: TARGET,
        minify: true,
        sourceMap: true,
        sourcesContent: false,
        mainFields: [...MAIN_FIELDS],
        esbuildArgs: Object.fromEntries(Object.entries(ALIASES).map(([name, file]) => [`--alias:${name}`, file])),
        // Everything is bundled: what runs is what the lock file names, not what the runtime happens to ship.
        externalModules: [],
        banner: BANNER,
      },
    });
    if (props.deadLetters === undefined)
      Validations.of(this).acknowledge({
        id: 'Serverless-LambdaDLQ',
        reason:
          'Somebody waits for its answer, or the next scheduled run makes up for one that failed: a queue of stale events would help nobody. Its errors alarm.',
      });
    const role = this.role;
    if (role === undefined) throw new Error('a function has a role');
    Validations.of(role).acknowledge(
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]',
        reason: 'AWSLambdaBasicExecutionRole lets the function write its own logs, nothing else.',
      },
      {
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'Sending segments to X-Ray takes no resource.',
      },
    );
  }
}

/** Of a rule that only keeps the time. */
export function acknowledgeSchedule(rule: Rule): void {
  Validations.of(rule).acknowledge({
    id: 'Serverless-EventBusDLQ',
    reason: 'A call that was missed is made up by the next one; that they stop altogether is an alarm of its own.',
  });
}
