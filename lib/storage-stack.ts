/** Tables, keys and secrets: what must outlive every other stack. */
import { Aws, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable, type Role } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectLockRetention, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import {
  type IndexDefinition,
  TABLES,
  type TableDefinition,
  type TableName,
  tableNames,
} from '../adapters/dynamodb/tables.ts';
import { BreakGlass } from './constructs/break-glass.ts';
import { grantKey, grantKeyInContext, grantKeyVia, grantSecretValue, grantTable } from './constructs/grants.ts';
import { Preparation } from './constructs/preparation.ts';
import type { ProductFunction } from './constructs/product-function.ts';
import type { Context } from './context.ts';
import { ROLES, type RoleName, type TableRights } from './rights.ts';

/** What the encryption context of every secret says, and what it names beside (core/credentials/model.ts). */
export const SECRET_CONTEXT = { table: 'credentials', proof: 'hmac_sha256' };
export const SECRET_CONTEXT_NAMES = ['sender_comp_id', 'version'];

export interface StorageStackProps extends StackProps {
  readonly context: Context;
}

export class StorageStack extends Stack {
  readonly tables: Readonly<Record<TableName, Table>>;
  /** Encrypts the tables at rest. */
  readonly tableKey: Key;
  /** Wraps the branch keys of envelope encryption. */
  readonly envelopeKey: Key;
  /** Wraps the secrets of HMAC, each by a call of its own. */
  readonly proofKey: Key;
  /** Branch keys of the hierarchical keyring (AWS Encryption SDK, "Creating a key store"). */
  readonly branchKeys: Table;
  /** Makes the branch key and the defaults, and rotates the former. */
  readonly preparation: ProductFunction;
  /** Signs the cursors of lists. */
  readonly cursorKey: Secret;
  /** Signs audit checkpoints; its public half is for auditors. */
  readonly auditKey: Key;
  /** Audit records and checkpoints, under object lock. */
  readonly archive: Bucket;
  /** Locks everybody out when the admin API cannot; undefined: nobody may. */
  readonly breakGlass: Role | undefined;

  readonly #context: Context;

  constructor(scope: Construct, id: string, { context, ...props }: StorageStackProps) {
    super(scope, id, props);
    this.#context = context;
    const safe = context.stage !== 'dev';
    const key = (name: string, description: string) =>
      new Key(this, name, { description, enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN });
    this.tableKey = key('TableKey', 'fixgate: tables at rest');
    this.auditKey = new Key(this, 'AuditKey', {
      description: 'fixgate: signs audit checkpoints',
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.envelopeKey = key('EnvelopeKey', 'fixgate: branch keys of envelope encryption');
    this.proofKey = key('ProofKey', 'fixgate: secrets of HMAC');
    const names = tableNames(`${context.prefix}-${context.stage}`);
    const make = (definition: TableDefinition) => this.#table(definition, names[definition.suffix], safe);
    this.tables = {
      credentials: make(TABLES.credentials),
      sessions: make(TABLES.sessions),
      limits: make(TABLES.limits),
      policy: make(TABLES.policy),
      audit: make(TABLES.audit),
      journal: make(TABLES.journal),
    };
    this.branchKeys = new Table(this, 'BranchKeys', {
      tableName: `${context.prefix}-${context.stage}-branch-keys`,
      partitionKey: { name: 'branch-key-id', type: AttributeType.STRING },
      sortKey: { name: 'type', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: this.tableKey,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: safe,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.cursorKey = new Secret(this, 'CursorKey', {
      description: 'fixgate: signs the cursors of lists',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.cursorKey).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'A cursor lives for one listing; a new key only makes an admin begin the list again, and rotation is the deployer redeploying it.',
    });
    this.archive = this.#archive(context);
    this.breakGlass =
      context.breakGlassPrincipal === undefined
        ? undefined
        : new BreakGlass(this, this.tables, context, context.breakGlassPrincipal).role;
    this.preparation = this.#prepare(context);
    new CfnOutput(this, 'ArchiveBucket', {
      value: this.archive.bucketName,
      description: 'audit records and checkpoints',
    });
    new CfnOutput(this, 'AuditKeyArn', { value: this.auditKey.keyArn, description: 'signs audit checkpoints' });
    new CfnOutput(this, 'EnvelopeKeyArn', { value: this.envelopeKey.keyArn, description: 'wraps branch keys' });
  }

  /**
   * What is put there stays for the time of its retention: in production nobody can shorten that, the account's root
   * included. Beyond it objects stay too; removing them is the deployer's decision.
   */
  #archive(context: Context): Bucket {
    const retention = Duration.days(context.auditRetentionDays);
    const compliance = context.stage === 'production';
    const bucket = new Bucket(this, 'Archive', {
      bucketName: archiveName(context),
      encryption: BucketEncryption.KMS,
      encryptionKey: this.tableKey,
      bucketKeyEnabled: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: compliance
        ? ObjectLockRetention.compliance(retention)
        : ObjectLockRetention.governance(retention),
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Who reads and writes objects is recorded by CloudTrail data events, see docs/DEPLOY.md; a log bucket would need the same guard as this one.',
    });
    return bucket;
  }

  /** Branch key and defaults are there before any stack that needs them is deployed. */
  #prepare(context: Context): ProductFunction {
    const preparation = new Preparation(this, 'Preparation', { context, environment: this.variables() });
    const { fn } = preparation;
    this.grant(fn, 'preparation');
    // Branch keys are made and wrapped inside KMS; who makes them does not see them.
    const wrap = ['kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'];
    grantKey(fn, this.envelopeKey, wrap);
    preparation.afterGrants();
    return fn;
  }

  #table(definition: TableDefinition, tableName: string, safe: boolean): Table {
    const table = new Table(this, `Table-${definition.suffix}`, {
      tableName,
      partitionKey: { name: definition.partitionKey, type: AttributeType.STRING },
      sortKey: { name: definition.sortKey, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: this.tableKey,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: definition.pointInTimeRecovery },
      deletionProtection: definition.retain && safe,
      removalPolicy: definition.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      ...(definition.ttlAttribute === undefined ? {} : { timeToLiveAttribute: definition.ttlAttribute }),
      ...(definition.stream === 'none' ? {} : { stream: StreamViewType.NEW_AND_OLD_IMAGES }),
    });
    for (const index of definition.indexes) table.addGlobalSecondaryIndex(globalIndex(index));
    if (!definition.pointInTimeRecovery) {
      Validations.of(table).acknowledge({
        id: 'AwsSolutions-DDB3',
        reason:
          'Holds the present only: leases, slots, counters, journals of edges; restoring it to a point in time would be wrong.',
      });
    }
    return table;
  }

  /** What a role does to tables, their indexes and their key. */
  grant(grantee: IGrantable, role: RoleName): void {
    const tables = { ...this.tables, branchKeys: this.branchKeys };
    for (const [name, rights] of Object.entries(ROLES[role]) as [keyof typeof tables, TableRights][])
      grantTable(grantee, tables[name], rights);
  }

  /** Lets a grantee that reads the branch key open and seal verifiers by it: KMS decrypts it. */
  grantEnvelope(grantee: IGrantable): void {
    grantKey(grantee, this.envelopeKey, ['kms:Decrypt']);
  }

  grantCursorKey(grantee: IGrantable): void {
    grantSecretValue(grantee, this.cursorKey);
  }

  /** Secrets of HMAC: who issues them may not open them, who opens them may not make any, and neither anything else. */
  grantSecrets(grantee: IGrantable, action: 'kms:Encrypt' | 'kms:Decrypt'): void {
    grantKeyInContext(grantee, this.proofKey, action, SECRET_CONTEXT, SECRET_CONTEXT_NAMES);
  }

  /**
   * What a grantee does in the archive. Nobody may remove, overwrite or shorten a retention: no function has a right for it.
   * Putting needs a data key, which KMS gives.
   */
  grantArchive(grantee: ProductFunction, what: 'put-records' | 'fill-records' | 'checkpoints'): void {
    const folder = what === 'checkpoints' ? 'checkpoints' : 'records';
    const name = archiveName(this.#context);
    const objects = `arn:${Aws.PARTITION}:s3:::${name}/${folder}/*`;
    if (grantee.role !== undefined)
      Validations.of(grantee.role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::${name.replace(Aws.ACCOUNT_ID, '<AWS::AccountId>')}/${folder}/*]`,
        reason: 'Objects of one folder of the archive: their names are the places of records.',
      });
    const put = what === 'checkpoints' ? ['s3:PutObject', 's3:GetObject'] : ['s3:PutObject'];
    Grant.addToPrincipal({ grantee, actions: put, resourceArns: [objects] });
    if (what === 'fill-records')
      Grant.addToPrincipal({
        grantee,
        actions: ['s3:ListBucket'],
        resourceArns: [`arn:${Aws.PARTITION}:s3:::${name}`],
      });
    const use = what === 'checkpoints' ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:GenerateDataKey'];
    grantKeyVia(grantee, this.tableKey, 's3', use);
  }

  grantSigning(grantee: IGrantable): void {
    grantKey(grantee, this.auditKey, ['kms:Sign']);
  }

  /** The variables that name tables and keys; local/environment.ts gives the same ones on a laptop. */
  variables(): Record<string, string> {
    const names = Object.entries(this.tables).map(([name, table]) => [
      `FIXGATE_TABLE_${name.toUpperCase()}`,
      table.tableName,
    ]);
    return {
      ...Object.fromEntries(names),
      FIXGATE_KEY_PROVIDER: 'kms',
      FIXGATE_TABLE_BRANCH_KEYS: this.branchKeys.tableName,
      FIXGATE_ENVELOPE_KEY_ARN: this.envelopeKey.keyArn,
      FIXGATE_PROOF_KEY_ARN: this.proofKey.keyArn,
    };
  }
}

/** One name in all the world: the account's number stands in it. */
const archiveName = ({ prefix, stage }: Context): string => `${prefix}-${stage}-audit-${Aws.ACCOUNT_ID}`;

function globalIndex({ name, partitionKey, sortKey, projection }: IndexDefinition) {
  return {
    indexName: name,
    partitionKey: { name: partitionKey, type: AttributeType.STRING },
    sortKey: { name: sortKey, type: AttributeType.STRING },
    ...(projection === 'all'
      ? { projectionType: ProjectionType.ALL }
      : projection === 'keys'
        ? { projectionType: ProjectionType.KEYS_ONLY }
        : { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...projection] }),
  };
}
