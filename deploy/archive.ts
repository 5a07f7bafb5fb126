/** The archive of the deployed audit trail: what the stream brings, what it did not bring, and checkpoints that verify offline. */
import { match, ok, strictEqual } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bucket } from '../adapters/s3/bucket.ts';
import { ROOT } from '../local/product.ts';
import { REGION } from './emulator.ts';
import { run } from './process.ts';
import { eventually } from './story.ts';
import { STACKS, type World } from './world.ts';

const ARCHIVED_WITHIN_MS = 30_000;
const VERIFY_WITHIN_MS = 60_000;
const HELD_WITHIN_MS = 20_000;

export async function archiveOf({ cdk, emulator }: World): Promise<Bucket> {
  return new Bucket({
    region: REGION,
    bucket: await cdk.output(STACKS.storage, 'ArchiveBucket'),
    endpoint: emulator.endpoint,
    credentials: async () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
  });
}

export async function keysOf(bucket: Bucket, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of bucket.list(prefix, '')) keys.push(key);
  return keys;
}

/** @param env of a tool that reads the deployed tables */
export async function tryArchive(world: World, env: NodeJS.ProcessEnv): Promise<void> {
  const { report, cdk, root, directory } = world;
  const bucket = await archiveOf(world);
  const tool = (...args: string[]) =>
    run(process.execPath, [join(ROOT, 'scripts', 'audit-verify.ts'), ...args], {
      env,
      cwd: ROOT,
      timeoutMs: VERIFY_WITHIN_MS,
      log: join(directory, 'audit-verify.log'),
    });
  const records = await report.step('npm run audit:verify finds every chain whole', async () => {
    const said = await tool();
    match(said, /, 0 chains broken/);
    return Number(/(\d+) records whole/.exec(said)?.[1]);
  });
  await report.step('the stream has brought every record to the archive', async () => {
    for (const from = performance.now(); ; await sleep(250)) {
      const archived = (await keysOf(bucket, 'records/')).length;
      if (archived >= records) return;
      if (performance.now() - from > ARCHIVED_WITHIN_MS) throw new Error(`${archived} of ${records} records`);
    }
  });
  await report.step(
    'the gap filler puts back a record that the archive has lost, and finds no other missing',
    async () => {
      const lost = (await keysOf(bucket, 'records/policy/')).at(-1);
      ok(lost !== undefined, 'the policy has no records there');
      // What object lock refuses in AWS, the emulator does.
      await root.remove('s3', `/${await cdk.output(STACKS.storage, 'ArchiveBucket')}/${lost}`);
      const { records: compared, filled } = await root.invoke(await cdk.output(STACKS.audit, 'GapFillerName'), {});
      ok(compared >= records, `${compared} compared`);
      strictEqual(filled, 1);
      match((await bucket.get(lost)) ?? '', /"policy"/);
    },
  );
  await report.step('checkpoints signed by KMS verify offline, with an export and the public key', async () => {
    const checkpointer = await cdk.output(STACKS.audit, 'CheckpointerName');
    // The run of this minute may be at it.
    await eventually(
      async () => {
        const outcome = await root.invoke(checkpointer, {});
        ok(['made', 'nothing', 'too_soon', 'held'].includes(outcome.result), JSON.stringify(outcome));
        return outcome.result !== 'held';
      },
      'a checkpoint that no other run is at',
      HELD_WITHIN_MS,
    );
    const folder = join(directory, 'checkpoints');
    mkdirSync(folder, { recursive: true });
    for (const key of await keysOf(bucket, 'checkpoints/'))
      writeFileSync(join(folder, key.slice('checkpoints/'.length)), (await bucket.get(key)) ?? '');
    const KeyId = await cdk.output(STACKS.storage, 'AuditKeyArn');
    const { PublicKey } = await root.json('kms', 'TrentService.GetPublicKey', { KeyId });
    const publicKey = join(directory, 'audit-key.der');
    writeFileSync(publicKey, Buffer.from(PublicKey, 'base64'));
    const file = join(directory, 'export.jsonl');
    await tool('--export', file, '--reason', 'deploy:local');
    const said = await tool('--file', file, '--checkpoints', folder, '--public-key', publicKey);
    match(said, /^[1-9]\d* checkpoints, 0 broken$/m);
  });
}
