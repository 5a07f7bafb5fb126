/**
 * What each role may do to each table, action by action: what its code calls, and nothing beside. `npm run deploy:local`
 * holds it against the calls that are made there (deploy/rights.ts); a right that only a fault needs is listed in
 * deploy/by-fault.ts, with the test that makes the call.
 */
import type { TableName } from '../adapters/dynamodb/tables.ts';

/** Actions of IAM. A transaction is allowed by the rights of its parts; BatchWriteItem may remove rows as well. */
export type TableAction =
  | 'GetItem'
  | 'BatchGetItem'
  | 'Query'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem'
  | 'BatchWriteItem'
  | 'ConditionCheckItem';

export interface TableRights {
  readonly actions: readonly TableAction[];
  /** Indexes that are queried. */
  readonly indexes?: readonly string[];
}

export type RoleRights = Readonly<Partial<Record<TableName | 'branchKeys', TableRights>>>;

const may = (...actions: TableAction[]): TableRights => ({ actions });

/** One policy at one version, and nothing of it changed. */
const READ_POLICY = may('GetItem', 'Query');
/** The same, and what Logons read of it together. */
const READ_POLICY_TOGETHER = may('BatchGetItem', 'GetItem', 'Query');
/** A record in its place, once; and whether it stands there when the answer was lost. */
const APPEND = may('GetItem', 'PutItem');
/** The same behind the last of a chain that no row keeps the head of. */
const APPEND_TO_CHAINS = may('GetItem', 'PutItem', 'Query');
/** Branch keys are read one by one. */
const READ_BRANCH_KEY = may('GetItem');

/** An account is read, changed whole, and gets the head of its chain when a change is refused. */
const CHANGE_ACCOUNTS = may('BatchGetItem', 'PutItem', 'Query', 'UpdateItem');
const FIND_AND_CHANGE_ACCOUNTS = may('BatchGetItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem');
/** Who is live, and commands to their edges; those beyond a transaction in batches. */
const COMMAND = may('BatchGetItem', 'BatchWriteItem', 'PutItem', 'Query');

export const ROLES = {
  read: {
    credentials: { actions: ['BatchGetItem', 'GetItem', 'Query'], indexes: ['by_status', 'by_tier'] },
    sessions: may('BatchGetItem', 'Query'),
    limits: may('GetItem'),
    policy: READ_POLICY,
    audit: { actions: ['Query'], indexes: ['by_actor', 'by_day', 'by_type', 'by_user'] },
  },
  credentials: {
    credentials: FIND_AND_CHANGE_ACCOUNTS,
    sessions: COMMAND,
    policy: READ_POLICY,
    audit: APPEND_TO_CHAINS,
    branchKeys: READ_BRANCH_KEY,
  },
  policy: {
    // Who has a tier that is to go; the row of a user's lock goes with the lock.
    credentials: { actions: [...CHANGE_ACCOUNTS.actions, 'DeleteItem'], indexes: ['by_status'] },
    sessions: COMMAND,
    limits: may('GetItem', 'UpdateItem'),
    policy: may('DeleteItem', 'GetItem', 'PutItem', 'Query'),
    audit: APPEND_TO_CHAINS,
  },
  sessions: {
    credentials: FIND_AND_CHANGE_ACCOUNTS,
    sessions: may('BatchGetItem', 'BatchWriteItem', 'GetItem', 'PutItem', 'Query'),
    policy: READ_POLICY,
    audit: APPEND_TO_CHAINS,
  },
  /** Gives the canary its credential: provisioning, renewing and revoking one user. */
  canaryUser: {
    credentials: CHANGE_ACCOUNTS,
    sessions: COMMAND,
    policy: READ_POLICY,
    audit: APPEND,
    branchKeys: READ_BRANCH_KEY,
  },
  preparation: {
    policy: may('GetItem', 'PutItem', 'Query'),
    audit: APPEND,
    branchKeys: may('GetItem', 'PutItem'),
  },
  archiver: { audit: may('UpdateItem') },
  gapFiller: { audit: { actions: ['GetItem', 'PutItem', 'Query', 'UpdateItem'], indexes: ['by_day'] } },
  /** Its own rows beside the records go when they have served: nobody else may remove anything there. */
  checkpointer: { audit: may('BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem') },
  edge: {
    // Reading for logons; writing for NewPassword, and when a credential was used last.
    credentials: may('BatchGetItem', 'ConditionCheckItem', 'GetItem', 'PutItem', 'Query'),
    sessions: may(
      'BatchGetItem',
      'BatchWriteItem',
      'ConditionCheckItem',
      'DeleteItem',
      'GetItem',
      'PutItem',
      'Query',
      'UpdateItem',
    ),
    limits: may('GetItem', 'PutItem', 'UpdateItem'),
    policy: READ_POLICY_TOGETHER,
    audit: APPEND_TO_CHAINS,
    branchKeys: READ_BRANCH_KEY,
  },
  /** With `-c journal=store`. */
  edgeJournal: {
    journal: may('BatchWriteItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query'),
  },
} as const satisfies Readonly<Record<string, RoleRights>>;

export type RoleName = keyof typeof ROLES;
