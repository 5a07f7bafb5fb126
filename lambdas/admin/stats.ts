import { stats as readStats } from '../../core/queries.ts';
import type { Run } from '../services.ts';
import { statsView } from '../views.ts';

/** GET stats */
export const stats: Run<'stats'> = async (services) => ({ success: true, ...statsView(await readStats(services)) });
