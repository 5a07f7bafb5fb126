/** The way in when the admin API or the rights of its callers are gone: a role that can lock everybody out, and no more. */
import { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { ArnPrincipal, PrincipalWithConditions, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { type Context, deploymentName } from '../context.ts';
import { grantActions } from './grants.ts';

const LONGEST_SESSION = Duration.hours(1);

/** What locking everybody out reads and writes. */
type Locked = Readonly<Record<'policy' | 'audit' | 'sessions', Table>>;

export class BreakGlass extends Construct {
  readonly role: Role;

  /**
   * @param scope the stack of the tables
   * @param principal ARN of who may assume the role, with a second factor
   */
  constructor(scope: Construct, tables: Locked, context: Context, principal: string) {
    super(scope, 'BreakGlass');
    this.role = new Role(this, 'Role', {
      // A name that can be typed by heart, and stands in the runbook.
      roleName: `${deploymentName(context)}-break-glass`,
      description: 'fixgate: locks everybody out when the admin API cannot',
      maxSessionDuration: LONGEST_SESSION,
      assumedBy: new PrincipalWithConditions(new ArnPrincipal(principal), {
        Bool: { 'aws:MultiFactorAuthPresent': 'true' },
      }),
    });
    const { policy, audit, sessions } = tables;
    grantActions(this.role, policy, ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem']);
    // Records are put, never changed: each under the condition that its place is free.
    grantActions(this.role, audit, ['dynamodb:GetItem', 'dynamodb:PutItem']);
    grantActions(this.role, sessions, ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem']);
  }
}
