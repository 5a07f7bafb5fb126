/** The real CDK CLI against the emulator. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../local/product.ts';
import { type Aws, AwsError, element, type Keys } from './aws.ts';
import { ACCOUNT, cleanEnvironment, type Emulator, REGION } from './emulator.ts';
import { run } from './process.ts';

/** None of these takes more than some ten seconds. */
const STEP_WITHIN_MS = 180_000;
/** An image that is never pulled: the edge runs as a process. */
const IMAGE = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/fixgate-edge:local`;

/** Who may assume the break-glass role. */
export const ON_CALL = 'on-call';

export type CdkContext = Readonly<Record<string, string>>;

/** What a template says of an environment variable of a container. */
interface Template {
  readonly Resources: Readonly<
    Record<
      string,
      { readonly Type: string; readonly Properties: Record<string, unknown>; readonly DeletionPolicy?: string }
    >
  >;
}

export class Cdk {
  readonly log: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #directory: string;
  readonly #aws: Aws;

  /** @param keys of the deployer @param aws to look at what was deployed */
  constructor(directory: string, { endpoint, caFile }: Emulator, keys: Keys, aws: Aws) {
    this.#directory = directory;
    this.#aws = aws;
    this.log = join(directory, 'cdk.log');
    this.#env = {
      ...cleanEnvironment(directory),
      AWS_ENDPOINT_URL: endpoint,
      AWS_CA_BUNDLE: caFile,
      NODE_EXTRA_CA_CERTS: caFile,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      CI: 'true',
      NO_COLOR: '1',
    };
  }

  async bootstrap(): Promise<void> {
    const empty = join(this.#directory, 'bootstrap');
    mkdirSync(empty, { recursive: true });
    await this.#cdk(empty, ['bootstrap', `aws://${ACCOUNT}/${REGION}`]);
  }

  /** Synthesizes this app, or that of another tree. @returns the assembly's directory */
  async synth(name: string, context: CdkContext, root = ROOT): Promise<string> {
    const assembly = join(this.#directory, name);
    rmSync(assembly, { recursive: true, force: true });
    const breakGlassPrincipal = `arn:aws:iam::${ACCOUNT}:user/${ON_CALL}`;
    const given = Object.entries({ edgeImage: IMAGE, emulator: 'true', breakGlassPrincipal, ...context });
    await this.#cdk(root, [
      'synth',
      '-q',
      '-o',
      assembly,
      ...given.flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ]);
    return assembly;
  }

  /** @returns what the CLI wrote */
  deploy(assembly: string): Promise<string> {
    return this.#cdk(this.#directory, ['deploy', '--all', '--require-approval', 'never', '--app', assembly]);
  }

  /** Rejects when anything differs from what is deployed. */
  async nothingDiffers(assembly: string): Promise<void> {
    await this.#cdk(this.#directory, ['diff', '--fail', '--all', '--app', assembly]);
  }

  async destroy(assembly: string): Promise<void> {
    await this.#cdk(this.#directory, ['destroy', '--all', '--force', '--app', assembly]);
  }

  /** An output of a deployed stack. */
  async output(stack: string, name: string): Promise<string> {
    const xml = await this.#describe(stack);
    const members = xml.split('<member>').filter((member) => member.includes(`<OutputKey>${name}</OutputKey>`));
    return element(members[0] ?? '', 'OutputValue');
  }

  /** Whether it was made or changed to its end. @throws Error when it was rolled back */
  async isComplete(stack: string): Promise<boolean> {
    const status = element(await this.#describe(stack), 'StackStatus');
    if (/ROLLBACK|FAILED/.test(status)) throw new Error(`${stack}: ${status}`);
    return /^(CREATE|UPDATE)_COMPLETE$/.test(status);
  }

  async exists(stack: string): Promise<boolean> {
    try {
      return !(await this.#describe(stack)).includes('<StackStatus>DELETE_COMPLETE</StackStatus>');
    } catch (error) {
      if (error instanceof AwsError && error.code === 'ValidationError') return false;
      throw error;
    }
  }

  #describe(StackName: string): Promise<string> {
    return this.#aws.query('cloudformation', '2010-05-15', 'DescribeStacks', { StackName });
  }

  #cdk(cwd: string, args: readonly string[]): Promise<string> {
    const cli = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
    return run(process.execPath, [cli, ...args], { env: this.#env, cwd, timeoutMs: STEP_WITHIN_MS, log: this.log });
  }
}

/** A stack's template in an assembly. */
export function templateOf(assembly: string, stack: string): Template {
  const file = join(assembly, `${stack}.template.json`);
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  return JSON.parse(readFileSync(file, 'utf8')) as Template;
}
