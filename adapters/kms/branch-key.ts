/**
 * The branch key of the hierarchical keyring: made once, given a new version now and then. Older versions stay and open
 * what they sealed. The library of the AWS Encryption SDK does the cryptography; here is what makes it repeatable.
 */
import { BranchKeyStoreNode } from '@aws-crypto/branch-keystore-node';
import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { KMSClient } from '@aws-sdk/client-kms';
import { cancellation } from '../dynamodb/errors.ts';

export interface BranchKeyOptions {
  readonly kms: KMSClient;
  readonly dynamodb: DynamoDBClient;
  readonly tableName: string;
  /** Bound into each key: outlives a restore of the table under another name. */
  readonly logicalName: string;
  readonly kmsKeyArn: string;
  readonly branchKeyId: string;
}

/** The sort key of the version in use (AWS Encryption SDK specification, "DynamoDB key storage", record format). */
const ACTIVE = 'branch:ACTIVE';

/** What was done, or found. */
export type BranchKeyState =
  | { readonly result: 'created' | 'rotated' | 'present'; readonly created_at: number }
  /** Another process was quicker. */
  | { readonly result: 'raced' };

/** Makes the branch key where there is none. Safe to repeat and to run twice at once. */
export async function ensureBranchKey(options: BranchKeyOptions, now: number): Promise<BranchKeyState> {
  const created_at = await activeSince(options);
  if (created_at !== undefined) return { result: 'present', created_at };
  const { branchKeyId: branchKeyIdentifier, logicalName } = options;
  // The library wants a context where the id is the caller's own.
  const encryptionContext = { deployment: logicalName };
  return unlessRaced(async () => {
    await keyStore(options).createKey({ branchKeyIdentifier, encryptionContext });
    return { result: 'created', created_at: now };
  });
}

/**
 * Gives the branch key a new version when its version in use is `maxAgeMs` old. Asked daily it makes up for a day that
 * failed. @throws Error when there is no branch key at all
 */
export async function rotateBranchKey(
  options: BranchKeyOptions,
  maxAgeMs: number,
  now: number,
): Promise<BranchKeyState> {
  const created_at = await activeSince(options);
  if (created_at === undefined) throw new Error(`there is no branch key ${options.branchKeyId}`);
  if (now - created_at < maxAgeMs) return { result: 'present', created_at };
  return unlessRaced(async () => {
    await keyStore(options).versionKey({ branchKeyIdentifier: options.branchKeyId });
    return { result: 'rotated', created_at: now };
  });
}

function keyStore({ kms, dynamodb, tableName, logicalName, kmsKeyArn }: BranchKeyOptions): BranchKeyStoreNode {
  return new BranchKeyStoreNode({
    logicalKeyStoreName: logicalName,
    storage: { ddbTableName: tableName, ddbClient: dynamodb },
    keyManagement: { kmsClient: kms },
    kmsConfiguration: { identifier: kmsKeyArn },
  });
}

type ActivePlace = Pick<BranchKeyOptions, 'dynamodb' | 'tableName' | 'branchKeyId'>;

/** The UUID of the version in use; undefined: there is no branch key. */
export async function activeBranchKeyVersion(options: ActivePlace): Promise<string | undefined> {
  return /^branch:version:([0-9a-f-]{36})$/.exec((await activeRow(options))?.version?.S ?? '')?.[1];
}

/** Epoch ms at which the version in use was made; undefined: there is none. */
async function activeSince(options: BranchKeyOptions): Promise<number | undefined> {
  const row = await activeRow(options);
  if (row === undefined) return undefined;
  const made = Date.parse(row['create-time']?.S ?? '');
  if (Number.isNaN(made)) throw new Error(`branch key ${options.branchKeyId} has no create-time`);
  return made;
}

async function activeRow({ dynamodb, tableName, branchKeyId }: ActivePlace) {
  const { Item } = await dynamodb.send(
    new GetItemCommand({
      TableName: tableName,
      Key: { 'branch-key-id': { S: branchKeyId }, type: { S: ACTIVE } },
      ConsistentRead: true,
    }),
  );
  return Item;
}

async function unlessRaced(change: () => Promise<BranchKeyState>): Promise<BranchKeyState> {
  try {
    return await change();
  } catch (error) {
    const kind = cancellation(error)?.kind;
    if (kind === 'conditions' || kind === 'race') return { result: 'raced' };
    throw error;
  }
}
