/** What `npm run doctor` finds. */
import { type Aws, AwsError } from './aws.ts';

export type Finding =
  | { readonly state: 'ok' | 'warn'; readonly says: string }
  | { readonly state: 'missing'; readonly says: string; readonly todo: string };

export const ok = (says: string): Finding => ({ state: 'ok', says });
export const warn = (says: string): Finding => ({ state: 'warn', says });
export const missing = (says: string, todo: string): Finding => ({ state: 'missing', says, todo });

/** Whether a stack is deployed. */
export async function stackIs(aws: Aws, StackName: string): Promise<boolean> {
  try {
    const xml = await aws.query('cloudformation', '2010-05-15', 'DescribeStacks', { StackName });
    return !xml.includes('<StackStatus>DELETE_COMPLETE</StackStatus>');
  } catch (error) {
    if (error instanceof AwsError && error.code === 'ValidationError') return false;
    throw error;
  }
}
