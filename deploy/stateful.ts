/**
 * What holds data in a template, and what CloudFormation would replace it for: a table that is made anew under the same name is
 * an empty one, and a key that is made anew opens nothing.
 */

/** By type: properties whose change replaces the resource (AWS CloudFormation Template Reference, "Update requires"), or its value. */
const REPLACING: Readonly<Record<string, readonly string[]>> = {
  'AWS::DynamoDB::Table': ['TableName', 'KeySchema', 'LocalSecondaryIndexes', 'ImportSourceSpecification'],
  'AWS::KMS::Key': ['KeySpec', 'KeyUsage', 'Origin', 'MultiRegion'],
  'AWS::S3::Bucket': ['BucketName', 'ObjectLockEnabled'],
  // The value is made anew when what generates it changes.
  'AWS::SecretsManager::Secret': ['Name', 'GenerateSecretString', 'SecretString'],
};

export interface Stateful {
  readonly Type: string;
  readonly DeletionPolicy?: string | undefined;
  /** Of those that replace it, what the template says. */
  readonly replacing: Readonly<Record<string, unknown>>;
}

export interface AnyTemplate {
  readonly Resources?: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly Properties?: Readonly<Record<string, unknown>>;
        readonly DeletionPolicy?: string;
      }
    >
  >;
}

/** By logical id, which is what CloudFormation knows a resource by. */
export function statefulOf({ Resources = {} }: AnyTemplate): Readonly<Record<string, Stateful>> {
  const found = Object.entries(Resources).flatMap(([id, { Type, Properties = {}, DeletionPolicy }]) => {
    const names = REPLACING[Type];
    if (names === undefined) return [];
    const replacing = Object.fromEntries(
      names.filter((name) => name in Properties).map((name) => [name, Properties[name]]),
    );
    return [[id, { Type, DeletionPolicy, replacing }] as const];
  });
  return Object.fromEntries(found);
}

/** Why data would be lost by going from one to the other, a line each. New resources are no reason. */
export function lost(before: Readonly<Record<string, Stateful>>, after: Readonly<Record<string, Stateful>>): string[] {
  return Object.entries(before).flatMap(([id, old]) => {
    const now = after[id];
    if (now === undefined) return [`${id} (${old.Type}) is gone`];
    if (now.Type !== old.Type) return [`${id} was ${old.Type} and is ${now.Type}`];
    const names = new Set([...Object.keys(old.replacing), ...Object.keys(now.replacing)]);
    const changed = [...names].filter(
      (name) => JSON.stringify(old.replacing[name]) !== JSON.stringify(now.replacing[name]),
    );
    const kept = old.DeletionPolicy === 'Retain' && now.DeletionPolicy !== 'Retain' ? ['DeletionPolicy'] : [];
    return [...changed, ...kept].map((name) => `${id} (${old.Type}): ${name} has changed`);
  });
}
