import type { Run } from '../services.ts';
import { changingStatus } from './status.ts';

/** POST revoke */
export const revoke: Run<'revoke'> = changingStatus('revoke');
