/** Who may call first: the rights that docs/DEPLOY.md names are enough, and without them nobody gets anywhere. */
import { match, strictEqual } from 'node:assert';
import { AdminClient } from '../../local/admin-client.ts';
import { ELIGIBLE } from '../../local/product.ts';
import { makeOperator } from '../world.ts';
import { expecting, type Stage } from './stage.ts';

export async function firstDay({ world }: Stage): Promise<void> {
  await world.report.step(
    'on the first day an operator with the documented rights provisions, one without is refused',
    async () => {
      const first = new AdminClient(await makeOperator(world, 'first-operator', 'POST'));
      const nobody = new AdminClient(await makeOperator(world, 'no-operator', undefined));
      const request = { user_id: 'first-client', rate_limit_tier: 'basic', ...ELIGIBLE };
      const refused = await nobody.post('provision', request);
      strictEqual(refused.status, 403);
      match(JSON.stringify(refused.body), /not authorized to perform:? ?.*execute-api:Invoke/i);
      await expecting(201, first.post('provision', request));
      // Who may change may not read unless it was given that too.
      strictEqual((await first.get('stats')).status, 403);
    },
  );
}
