import { addRule as add } from '../../core/policy/rules.ts';
import type { Run } from '../services.ts';
import { ruleView } from '../views.ts';

/** POST rules/add */
export const addRule: Run<'addRule'> = async (services, { reason, if_version, ...rule }, actor) => ({
  success: true,
  rule: ruleView(await add(services, { actor, reason, if_version }, rule)),
});
