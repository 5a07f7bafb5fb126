/** Nobody may call the API any more: the role for that, with a second factor, stops everything straight from the tables. */
import { match, ok, rejects, strictEqual } from 'node:assert';
import { AdminClient } from '../../local/admin-client.ts';
import { Aws, assumeRole } from '../aws.ts';
import { ON_CALL } from '../cdk.ts';
import { ACCOUNT } from '../emulator.ts';
import type { Running } from '../variants.ts';
import { makeOperator, mayInvoke } from '../world.ts';
import { clientAt, expecting, provisioned, type Stage, tool } from './stage.ts';

const IAM = '2010-05-08';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/fixgate-dev-break-glass`;
const NAME = 'desk';
const REASON = 'API is down, desk informed';

export async function breakGlass(stage: Stage, running: Running): Promise<void> {
  const { world } = stage;
  const { report, root, emulator } = world;
  const desk = new AdminClient(await makeOperator(world, NAME, '*'));
  const credentials = await provisioned({ admin: desk }, 'glass');
  const client = clientAt(running, credentials);
  strictEqual((await client.logon(credentials.password)).type, 'A');

  const role = await report.step(
    'the break-glass role is refused without a second factor, and given with one',
    async () => {
      const xml = await root.query('iam', IAM, 'CreateAccessKey', { UserName: ON_CALL });
      const part = (name: string): string => new RegExp(`<${name}>([^<]+)`).exec(xml)?.[1] ?? '';
      const keys = { accessKeyId: part('AccessKeyId'), secretAccessKey: part('SecretAccessKey') };
      const onCall = new Aws(emulator.endpoint, keys);
      await rejects(assumeRole(onCall, ROLE, 'alice'), /AccessDenied/);
      const factor = { SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/${ON_CALL}`, TokenCode: '123456' };
      return assumeRole(onCall, ROLE, 'alice', factor);
    },
  );
  const keys = {
    AWS_ACCESS_KEY_ID: role.accessKeyId,
    AWS_SECRET_ACCESS_KEY: role.secretAccessKey,
    AWS_SESSION_TOKEN: role.sessionToken,
  };

  await report.step(
    'with the API refusing its callers, everybody is locked from the tables, and unlocked by the API later',
    async () => {
      await root.query('iam', IAM, 'DeleteUserPolicy', { UserName: NAME, PolicyName: 'may' });
      strictEqual((await desk.post('lock', { everybody: true, reason: REASON })).status, 403);
      match(await tool(stage, 'break-glass', ['status'], keys), /^edge \S+ alive, \d+ sessions$/m);
      const said = await tool(stage, 'break-glass', ['lock-everybody', '--reason', REASON, '--yes'], keys);
      match(said, /^locked everybody at policy version \d+/m);
      const logout = await client.next(({ type }) => type === '5');
      strictEqual(logout.get(58), `Locked: ${REASON}`);
      await client.closed();
      const again = clientAt(running, credentials);
      const refused = await again.logon(credentials.password, [[141, 'Y']]);
      strictEqual(refused.get(58), `Logon refused: Locked: ${REASON}`);
      again.destroy();

      const PolicyDocument = JSON.stringify(await mayInvoke(world, '*'));
      await root.query('iam', IAM, 'PutUserPolicy', { UserName: NAME, PolicyName: 'may', PolicyDocument });
      await expecting(200, desk.post('unlock', { everybody: true, reason: 'API is back' }));
      const back = clientAt(running, credentials);
      strictEqual((await back.logon(credentials.password, [[141, 'Y']])).type, 'A');
      await back.logout();
      back.destroy();
      // Without the API the same role lifts what it has put.
      await tool(stage, 'break-glass', ['lock-everybody', '--reason', REASON, '--yes'], keys);
      match(
        await tool(stage, 'break-glass', ['unlock-everybody', '--reason', 'over', '--yes'], keys),
        /^unlocked everybody/m,
      );
      const { records } = await expecting(200, desk.get('audit', { type: 'lock', limit: 10 }));
      const [record] = records as { actor: { principal: string; user_agent: string }; reason: string; chain: string }[];
      ok(record?.actor.principal.startsWith('break-glass:') && record.chain === 'policy', JSON.stringify(record));
      strictEqual(record?.actor.user_agent, `break-glass ${role.accessKeyId}`);
      match(
        await tool(stage, 'audit-verify', ['--chain', 'policy']),
        /^1 chains, \d+ records whole, 0 chains broken$/m,
      );
    },
  );
}
