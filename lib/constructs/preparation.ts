/** The step of a deployment that no resource stands for: branch key, first rules and tiers; and the daily look at the key's age. */
import { CustomResource, Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { Context } from '../context.ts';
import { acknowledgeSchedule, ProductFunction } from './product-function.ts';

/** Age at which the branch key is given a new version. */
const BRANCH_KEY_DAYS = 90;

export interface PreparationProps {
  readonly context: Context;
  /** Names of tables and keys. */
  readonly environment: Readonly<Record<string, string>>;
}

export class Preparation extends Construct {
  readonly fn: ProductFunction;
  readonly #resource: CustomResource;

  constructor(scope: Construct, id: string, { context, environment }: PreparationProps) {
    super(scope, id);
    this.fn = new ProductFunction(this, 'Function', {
      context,
      entry: 'prepare',
      description: 'branch key, and what a new installation begins with',
      environment: { ...environment, FIXGATE_BRANCH_KEY_DAYS: String(BRANCH_KEY_DAYS) },
      timeout: Duration.seconds(60),
    });
    this.#resource = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::FixgatePreparation',
      serviceToken: this.fn.functionArn,
      serviceTimeout: Duration.minutes(5),
      // Another value makes CloudFormation ask again; asking again changes nothing that is there.
      properties: { Revision: 1 },
    });
    const rule = new Rule(this, 'Daily', {
      description: 'fixgate: gives the branch key a new version when it is old enough',
      schedule: Schedule.rate(Duration.days(1)),
    });
    rule.addTarget(new LambdaFunction(this.fn, { retryAttempts: 2 }));
    acknowledgeSchedule(rule);
  }

  /** Once all grants are made: the step needs them. */
  afterGrants(): void {
    const policy = this.fn.role?.node.tryFindChild('DefaultPolicy');
    if (policy !== undefined) this.#resource.node.addDependency(policy);
  }
}
