/**
 * The access matrix: the rights of every role of the stacks, role by resource by action, are those that were called in this
 * run, those that only a fault needs, and those that AWS uses in a role's name. No other, and none is missing.
 */
import { deepStrictEqual } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Account, called, grantedNow } from './access.ts';
import { BY_FAULT } from './by-fault.ts';
import type { World } from './world.ts';

interface AwsRights {
  /** Of `role resource action`. */
  readonly rights: RegExp;
  readonly why: string;
}

/** No line of the product makes these calls, and the emulator does not either. */
export const BY_AWS: readonly AwsRights[] = [
  {
    rights: / key TableKey \(by dynamodb\) kms:/,
    why: 'DynamoDB, for whoever uses a table under a customer managed key',
  },
  { rights: / key TableKey \(by s3\) kms:(Decrypt|GenerateDataKey)$/, why: 'S3, for whoever uses a bucket under one' },
  { rights: / \* managed:AWSLambdaBasicExecutionRole$/, why: 'Lambda writes what functions log' },
  { rights: /^Canary \* managed:AWSLambdaVPCAccessExecutionRole$/, why: 'Lambda, for functions in a VPC' },
  { rights: / \* xray:Put(TelemetryRecords|TraceSegments)$/, why: 'Lambda sends traces' },
  { rights: / queue DeadLetters sqs:SendMessage$/, why: 'Lambda, when an event has failed each time' },
  {
    rights:
      /^Archiver (table audit\/stream dynamodb:(DescribeStream|GetRecords|GetShardIterator)|\* dynamodb:ListStreams)$/,
    why: 'Lambda reads the stream',
  },
  {
    rights: /^Archiver key TableKey kms:(Decrypt|DescribeKey)$/,
    why: 'the same, of a table under a customer managed key',
  },
  { rights: /^TaskExecution log EdgeLogs logs:(CreateLogStream|PutLogEvents)$/, why: 'ECS writes what edges log' },
  {
    rights: /^VpcRejectedIAM log FlowLogs logs:(CreateLogStream|DescribeLogStreams|PutLogEvents)$/,
    why: 'the VPC writes which packets it rejected',
  },
  { rights: /^ApiCloudWatch \* managed:AmazonAPIGatewayPushToCloudWatchLogs$/, why: 'API Gateway writes its log' },
  {
    rights: /^CustomVpcRestrictDefaultSGCustomResourceProvider (\S+ ec2:(Authorize|Revoke)SecurityGroup(In|E)gress)$/,
    why: 'CDK empties the default security group; its function is left out of the emulator',
  },
];

/** Rights as they stood after each deployment of a run; called after each. */
export class Rights {
  readonly #granted = new Set<string>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async note(account: Account): Promise<void> {
    for (const right of await grantedNow(this.#world, account)) this.#granted.add(right);
  }

  /** @param account of whose roles calls are looked at */
  async prove(account: Account): Promise<void> {
    const { report, directory } = this.#world;
    await report.step(
      'every right of every role was called for, is for a fault, or is AWS’s own: no other',
      async () => {
        const made = called(this.#world, account);
        const faults = new Set(BY_FAULT.map(({ right }) => right));
        const ofAws = (right: string): boolean => BY_AWS.some(({ rights }) => rights.test(right));
        const granted = [...this.#granted];
        const line = (right: string): string =>
          `${made.has(right) ? 'called' : faults.has(right) ? 'fault ' : ofAws(right) ? 'aws   ' : 'IDLE  '} ${right}`;
        writeFileSync(join(directory, 'access-matrix.txt'), `${granted.map(line).sort().join('\n')}\n`);
        deepStrictEqual(
          {
            idle: granted.filter((right) => !made.has(right) && !faults.has(right) && !ofAws(right)).sort(),
            calledAndNotGranted: [...made].filter((right) => !this.#granted.has(right)).sort(),
            faultAndNotGranted: [...faults].filter((right) => !this.#granted.has(right)).sort(),
            calledAndCalledAws: [...made].filter(ofAws).sort(),
            awsAndNotGranted: BY_AWS.filter(({ rights }) => !granted.some((right) => rights.test(right))),
          },
          { idle: [], calledAndNotGranted: [], faultAndNotGranted: [], calledAndCalledAws: [], awsAndNotGranted: [] },
        );
        const aws = granted.filter(ofAws).length;
        const rest = granted.length - aws;
        const only = granted.filter((right) => !made.has(right) && faults.has(right)).length;
        report.note(
          `${rest} rights of the product's own: ${rest - only} called, ${only} for faults; ${aws} of AWS: access-matrix.txt`,
        );
      },
    );
  }
}
