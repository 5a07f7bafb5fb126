/**
 * The six tables, as plain data: the CDK stack and `npm start` both make them from here, and the adapters take their
 * index names from here. No AWS import.
 */

export type TableName = 'credentials' | 'sessions' | 'limits' | 'policy' | 'audit' | 'journal';

export interface IndexDefinition {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  /** 'keys' projects the keys of table and index; a list adds these attributes; 'all' projects everything. */
  readonly projection: 'keys' | 'all' | readonly string[];
}

export interface TableDefinition {
  /** The table's name is the deployment's prefix and this. */
  readonly suffix: TableName;
  /** All keys and index keys are strings. */
  readonly partitionKey: 'pk';
  readonly sortKey: 'sk';
  readonly indexes: readonly IndexDefinition[];
  /** Epoch seconds; undefined: rows of this table never expire. */
  readonly ttlAttribute?: 'expires_at';
  readonly stream: 'new_and_old_images' | 'none';
  readonly pointInTimeRecovery: boolean;
  /** What would be lost for good with the table: kept when the stack goes, protected against deletion. */
  readonly retain: boolean;
}

export const BY_STATUS = 'by_status';
export const BY_TIER = 'by_tier';
export const BY_USER = 'by_user';
export const BY_ACTOR = 'by_actor';
export const BY_TYPE = 'by_type';
export const BY_DAY = 'by_day';

/** Partitions that a list by status or tier is spread over, so that no index partition is hot. */
export const LIST_SHARDS = 16;

/** Partitions that a day of audit records is spread over. */
export const AUDIT_SHARDS = 8;

/** What an index shows of a credential: neither verifiers nor the provision request; of a user: keys alone, no balance. */
const LISTED = ['credential'] as const;

const base = { partitionKey: 'pk', sortKey: 'sk', pointInTimeRecovery: true } as const;

export const TABLES: Readonly<Record<TableName, TableDefinition>> = {
  credentials: {
    ...base,
    suffix: 'credentials',
    indexes: [
      { name: BY_STATUS, partitionKey: 'status_pk', sortKey: 'status_sk', projection: LISTED },
      { name: BY_TIER, partitionKey: 'tier_pk', sortKey: 'tier_sk', projection: LISTED },
    ],
    stream: 'new_and_old_images',
    retain: true,
  },
  sessions: {
    ...base,
    suffix: 'sessions',
    indexes: [],
    ttlAttribute: 'expires_at',
    stream: 'none',
    pointInTimeRecovery: false,
    retain: false,
  },
  limits: { ...base, suffix: 'limits', indexes: [], stream: 'none', pointInTimeRecovery: false, retain: false },
  policy: { ...base, suffix: 'policy', indexes: [], stream: 'none', retain: true },
  audit: {
    ...base,
    suffix: 'audit',
    indexes: [
      { name: BY_USER, partitionKey: 'user_pk', sortKey: 'time_sk', projection: 'all' },
      { name: BY_ACTOR, partitionKey: 'actor_pk', sortKey: 'time_sk', projection: 'all' },
      { name: BY_TYPE, partitionKey: 'type_pk', sortKey: 'time_sk', projection: 'all' },
      { name: BY_DAY, partitionKey: 'day_pk', sortKey: 'time_sk', projection: 'all' },
    ],
    stream: 'new_and_old_images',
    retain: true,
  },
  // Lost with it: numbers and messages of FIX sessions. An older state of it would use numbers twice, so it is never restored.
  journal: {
    ...base,
    suffix: 'journal',
    indexes: [],
    // What one edge has left for another; nothing else expires.
    ttlAttribute: 'expires_at',
    stream: 'none',
    pointInTimeRecovery: false,
    retain: true,
  },
};

export type TableNames = Readonly<Record<TableName, string>>;

/** The names of a deployment's tables: `<prefix>-<suffix>`. DynamoDB wants 3 to 255 of [A-Za-z0-9_.-]. */
export function tableNames(prefix: string): TableNames {
  if (!/^[A-Za-z0-9_.-]{1,200}$/.test(prefix))
    throw new RangeError(`a table prefix of letters, digits and _.- : ${prefix}`);
  const name = (suffix: TableName) => `${prefix}-${suffix}`;
  return {
    credentials: name('credentials'),
    sessions: name('sessions'),
    limits: name('limits'),
    policy: name('policy'),
    audit: name('audit'),
    journal: name('journal'),
  };
}
