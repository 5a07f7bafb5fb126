import type { Run } from '../services.ts';
import { changingStatus } from './status.ts';

/** POST reactivate */
export const reactivate: Run<'reactivate'> = changingStatus('reactivate');
