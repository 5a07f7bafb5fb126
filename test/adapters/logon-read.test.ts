/** What a logon reads must not tell, by its number of requests, whether a name is known. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createClient } from '../../adapters/dynamodb/client.ts';
import { createDynamoAdapters } from '../../adapters/dynamodb/stores.ts';
import { systemRandom } from '../../adapters/node/random.ts';
import { EMPTY_CHAIN } from '../../core/audit/model.ts';
import { startStore, type TestStore } from '../support/store.ts';
import { change, credential, user } from '../support/stores.ts';

let store: TestStore;
beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store.stop());

test('an unknown name costs as many reads as a known one', async () => {
  const client = createClient({
    region: 'us-east-1',
    endpoint: store.endpoint,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  let requests = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      requests += 1;
      return next(args);
    },
    { step: 'finalizeRequest' },
  );
  const { directory } = createDynamoAdapters({ client, tables: await store.tables(), random: systemRandom });
  const known = change('alice', EMPTY_CHAIN, { user: user('alice'), created: [credential('KNOWN', 'alice')] });
  expect(await directory.commit(known)).toEqual({ result: 'committed' });

  requests = 0;
  expect(await directory.credential('KNOWN')).toMatchObject({ credential: { sender_comp_id: 'KNOWN' } });
  const forKnown = requests;
  requests = 0;
  expect(await directory.credential('UNKNOWN')).toBeUndefined();
  expect(requests).toBe(forKnown);
  client.destroy();
});
