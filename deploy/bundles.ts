/** The bundles as the CDK has made them: what is measured and tested elsewhere is what is deployed. */
import { ok, strictEqual } from 'node:assert';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_BUNDLE_BYTES } from '../lib/constructs/bundling.ts';
import { ROOT } from '../local/product.ts';
import type { World } from './world.ts';

export async function tryBundles({ report }: World, assembly: string): Promise<void> {
  await report.step('every function’s bundle is below a megabyte', async () => {
    const bundles = readdirSync(assembly)
      .map((asset) => join(assembly, asset, 'index.mjs'))
      .filter((file) => existsSync(file));
    strictEqual(bundles.length, readdirSync(join(ROOT, 'lambdas', 'functions')).length);
    for (const file of bundles) ok(statSync(file).size < MAX_BUNDLE_BYTES, `${file}: ${statSync(file).size} bytes`);
  });
}
