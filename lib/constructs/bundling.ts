/** How a function becomes one file: the same for the deployment, the tests and the bench. */
import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';

const ROOT = join(import.meta.dirname, '..', '..');

/** Bytes that a bundle stays below: it is read and parsed at each cold start. */
export const MAX_BUNDLE_BYTES = 1_000_000;
/** Of memory of each function. CPU comes with it: 1,769 MB have one vCPU (Lambda Developer Guide, "Configure memory"). */
export const MEMORY_MB = 512;
export const ONE_VCPU_MB = 1769;

/** File of a function, by its name. */
export const entryOf = (name: string): string => join(ROOT, 'lambdas', 'functions', `${name}.ts`);

/** ES modules where a package has them: only of those can be left out what is not used. */
export const MAIN_FIELDS = ['module', 'main'] as const;

/**
 * A function has the keys of its role in its environment. Without the other places where keys might be, a sixth of what a
 * bundle would weigh, there is no metadata service, login or program that it could ever ask for some.
 */
export const ALIASES = { '@aws-sdk/credential-provider-node': './lambdas/role-keys.ts' } as const;

/** CommonJS packages in an ES module ask for `require`. */
export const BANNER = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

export const TARGET = 'node24';

/** The options of esbuild's own interface; what the CDK asks for by other names is in product-function.ts. */
export function esbuildOptions(name: string) {
  return {
    entryPoints: [entryOf(name)],
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    platform: 'node',
    format: 'esm',
    target: TARGET,
    mainFields: [...MAIN_FIELDS],
    alias: { ...ALIASES },
    banner: { js: BANNER },
    logLevel: 'silent',
  } satisfies BuildOptions;
}
