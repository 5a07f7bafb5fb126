/** What can be held of `npm run localstack` without Docker and a token: its compose file, what it says is missing, what it runs. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { CDKLOCAL, COMPOSE_FILE, environmentFor, lacking, runSteps, stepsUp } from '../../deploy/localstack.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

/** The compose specification as far as the file uses it; whatever else stands there is a mistake. */
const duration = z.string().regex(/^\d+(?:ms|s|m|h)$/);
const Compose = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/),
  services: z.record(
    z.string().regex(/^[a-zA-Z0-9._-]+$/),
    z.strictObject({
      image: z.string(),
      ports: z.array(z.string()),
      environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()),
      volumes: z.array(z.string()),
      healthcheck: z.strictObject({
        test: z.array(z.string()).refine(([how]) => how === 'CMD' || how === 'CMD-SHELL'),
        interval: duration,
        timeout: duration,
        retries: z.int().min(1),
      }),
    }),
  ),
  volumes: z.record(z.string(), z.strictObject({})),
});

describe('the compose file', () => {
  const document = parseDocument(readFileSync(COMPOSE_FILE, 'utf8'), { strict: true, uniqueKeys: true });
  const { services, volumes } = Compose.parse(document.toJS());

  test('is YAML without mistakes or warnings', () => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
  });

  test.each(Object.entries(services))('%s has a pinned image and is on the loopback alone', (_name, service) => {
    expect(service.image).toMatch(/^[a-z0-9./-]+:\d{4}\.\d{2}\.\d+$/);
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(service.healthcheck.test.join(' ')).toContain('http://127.0.0.1:4566/');
  });

  test('mounts what is there: the engine’s socket and volumes that are declared', () => {
    const mounted = Object.values(services).flatMap((service) => service.volumes.map((one) => one.split(':')[0]));
    expect(mounted.filter((source) => !source?.startsWith('/'))).toEqual(Object.keys(volumes));
    expect(mounted.filter((source) => source?.startsWith('/'))).toEqual(['/var/run/docker.sock']);
  });

  test('holds no token, and does not start without one', () => {
    const tokens = Object.values(services).map(({ environment }) => environment.LOCALSTACK_AUTH_TOKEN);
    for (const token of tokens) expect(token).toMatch(/^\$\{LOCALSTACK_AUTH_TOKEN:\?.+\}$/);
  });
});

/** Stand in for programs that are not on this machine: scripts by name. */
function having(programs: Readonly<Record<string, string>>, token?: string): NodeJS.ProcessEnv {
  const bin = mkdtempSync(join(OUT, 'bin-'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return { PATH: `${bin}:/usr/bin:/bin`, ...(token === undefined ? {} : { LOCALSTACK_AUTH_TOKEN: token }) };
}

describe('npm run localstack', () => {
  test('says at once what is missing, and what to do', () => {
    const lacks = lacking(having({ docker: 'exit 127', cdklocal: 'exit 127' }));
    expect(lacks.map(({ what }) => what)).toEqual([
      'there is no docker',
      'LOCALSTACK_AUTH_TOKEN is not set',
      'there is no cdklocal',
    ]);
    expect(lacks.map(({ todo }) => todo).join()).toContain(`npm install --no-save ${CDKLOCAL}`);
    expect(lacking(having({ docker: 'exit 0', cdklocal: 'exit 0' }, 'token'))).toEqual([]);
  });

  test('tells an engine that does not run from a docker without compose', () => {
    const docker = 'case "$1" in --version) exit 0;; *) exit 1;; esac';
    const lacks = lacking(having({ docker, cdklocal: 'exit 0' }, 'token'));
    expect(lacks).toEqual([
      { what: 'the Docker engine does not answer', todo: expect.stringContaining('docker info') },
      { what: 'docker has no compose', todo: expect.stringContaining('docker-compose-plugin') },
    ]);
  });

  test('does nothing while something is missing, and ends with 2', async () => {
    const env = having({ docker: 'exit 127' });
    const script = join(ROOT, 'scripts', 'localstack.ts');
    const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
      execFile(process.execPath, [script], { env, cwd: OUT }, (error, _out, stderr) =>
        resolve({ code: error?.code, err: stderr }),
      );
    });
    expect(code).toBe(2);
    expect(err).toMatch(/^MISSING there is no docker\n {8}-> .+\nMISSING LOCALSTACK_AUTH_TOKEN is not set\n {8}-> /);
  });

  test('starts it, then bootstraps and deploys the same assembly, and stops at the first step that fails', async () => {
    const log = join(OUT, 'told');
    const told = (name: string): string => `echo "${name} $*" >> ${log}`;
    const steps = stepsUp({ edgeImage: 'registry.example/edge:1', context: ['desiredCount=1'] }, '/out');
    await runSteps(steps, having({ docker: told('docker'), cdklocal: told('cdklocal') }));
    expect(readFileSync(log, 'utf8').trimEnd().split('\n')).toEqual([
      `docker compose --file ${COMPOSE_FILE} up --detach --wait`,
      'cdklocal synth --quiet --output /out -c emulator=true -c edgeImage=registry.example/edge:1 -c desiredCount=1',
      'cdklocal bootstrap aws://000000000000/us-east-1 --app /out',
      'cdklocal deploy --all --require-approval never --app /out',
    ]);
    const failing = having({
      docker: 'exit 0',
      cdklocal: 'case "$1" in bootstrap) exit 3;; deploy) kill $PPID;; esac',
    });
    await expect(runSteps(steps, failing)).rejects.toThrow('cdklocal bootstrap');
  });

  test('builds the edge’s image when none is named, and says nothing of another AWS', () => {
    const steps = stepsUp({ context: [] }, 'out');
    expect(steps[1]).toEqual(['docker', 'build', '--tag', expect.stringContaining(':'), ROOT]);
    const env = environmentFor({ AWS_PROFILE: 'production', AWS_ENDPOINT_URL: 'https://a', HOME: '/h', PATH: '/bin' });
    expect(env).toMatchObject({ HOME: '/h', PATH: `${join(ROOT, 'node_modules', '.bin')}:/bin` });
    expect(Object.keys(env).filter((name) => name.startsWith('AWS_'))).toEqual([]);
  });
});
