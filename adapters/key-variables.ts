/** Which variables name the keys. */
import * as z from 'zod';
import { tableName } from './store-environment.ts';

const arn = z.string().regex(/^arn:[^\s]+$/, 'is no ARN');
const text = z.string().min(1, 'is empty');

/** Keys in a file: JSON with master_key and cursor_key, as `npm run secrets` writes it. */
export const LOCAL_KEY_VARIABLES = { FIXGATE_KEY_PROVIDER: z.literal('local'), FIXGATE_SECRETS_FILE: text };

/** Keys in KMS: a branch key in its table, wrapped by a KMS key, and another KMS key for secrets of HMAC. */
export const KMS_KEY_VARIABLES = {
  FIXGATE_KEY_PROVIDER: z.literal('kms'),
  FIXGATE_TABLE_BRANCH_KEYS: tableName,
  FIXGATE_ENVELOPE_KEY_ARN: arn,
  FIXGATE_BRANCH_KEY_ID: text.default('fixgate'),
  FIXGATE_PROOF_KEY_ARN: arn,
};
