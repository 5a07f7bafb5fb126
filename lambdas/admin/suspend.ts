import type { Run } from '../services.ts';
import { changingStatus } from './status.ts';

/** POST suspend */
export const suspend: Run<'suspend'> = changingStatus('suspend');
