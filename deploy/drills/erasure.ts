/** A person asks to be erased: what says something goes, the pseudonym stays, and the trail still verifies. */
import { deepStrictEqual, match, ok } from 'node:assert';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { ELIGIBLE } from '../../local/product.ts';
import { expecting, openDynamo, refusing, type Stage, tool } from './stage.ts';

const USER = 'p-7f3a91';
const ADDRESS = '198.51.100.77';
const TICKET = 'ticket 4711';

export async function erasure(stage: Stage): Promise<void> {
  const { world, admin, names } = stage;
  await world.report.step(
    'a person is erased: rows say nothing any more, and the trail verifies under the pseudonym',
    async () => {
      const request = { user_id: USER, rate_limit_tier: 'basic', ...ELIGIBLE, allowed_ips: [ADDRESS] };
      const { credentials } = await expecting(201, admin.post('provision', request));
      match(await refusing(stage, 'erase', ['--user', USER, '--reason', TICKET, '--yes']), /not done: wrong_status/);
      await expecting(200, admin.post('revoke', { user_id: USER, reason: TICKET }));
      match(
        await tool(stage, 'erase', ['--user', USER, '--reason', TICKET, '--yes']),
        /^erased: user p-7f3a91, 1 cred/m,
      );
      const dynamodb = openDynamo(stage);
      const { Items = [] } = await dynamodb.send(
        new ScanCommand({ TableName: names.FIXGATE_TABLE_CREDENTIALS as string }),
      );
      dynamodb.destroy();
      const rows = Items.map((item) => JSON.stringify(item)).filter((row) => row.includes(USER));
      ok(rows.length >= 2 && rows.every((row) => !row.includes(ADDRESS) && !row.includes(TICKET)), rows.join('\n'));
      const facts = /\\"facts\\":(\{.*?\})/
        .exec(rows.find((row) => row.includes('facts')) ?? '')?.[1]
        ?.replaceAll('\\', '');
      deepStrictEqual(JSON.parse(facts ?? '{}'), {
        account_balance: 0,
        trading_volume: 0,
        account_age_days: 0,
        kyc_level: 0,
        groups: [],
      });
      // Its name is given to nobody else.
      const again = { ...request, user_id: 'another', sender_comp_id: credentials.sender_comp_id };
      await expecting(409, admin.post('provision', again));
      match(await tool(stage, 'audit-verify', []), /, 0 chains broken\n\d+ rows .*, 0 written directly/);
    },
  );
}
