/** The stacks of one deployment and what they hand each other. */
import { type App, type Stack, Tags, Validations } from 'aws-cdk-lib';
import { ManagedPolicy, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { AdminApiStack } from './admin-api-stack.ts';
import { AuditStack } from './audit-stack.ts';
import { type Context, readContext, stackName } from './context.ts';
import { EdgeStack } from './edge-stack.ts';
import { leaveOut } from './emulator.ts';
import { MonitoringStack } from './monitoring-stack.ts';
import { StorageStack } from './storage-stack.ts';

export interface Stacks {
  readonly storage: StorageStack;
  readonly audit: AuditStack;
  readonly adminApi: AdminApiStack;
  readonly edge: EdgeStack;
  readonly monitoring: MonitoringStack;
}

/** @throws ContextError */
export function assemble(app: App): Stacks {
  const context = readContext(app);
  const name = (part: string) => stackName(context, part);
  const storage = new StorageStack(app, name('storage'), { context });
  const audit = new AuditStack(app, name('audit'), { context, storage });
  const adminApi = new AdminApiStack(app, name('admin-api'), { context, storage });
  const edge = new EdgeStack(app, name('edge'), { context, storage });
  const watched = { context, storage, audit, adminApi, edge };
  const monitoring = new MonitoringStack(app, name('monitoring'), { watched });
  const stacks = { storage, audit, adminApi, edge, monitoring };
  bound(Object.values(stacks), context);
  Tags.of(app).add('fixgate:stage', context.stage);
  // What is left out for the emulator would be found missing.
  if (context.emulator) leaveOut(app);
  else Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return stacks;
}

/** The library's own context for this wants an object, and takes the text that a command line gives for nothing at all. */
function bound(stacks: readonly Stack[], { permissionsBoundary }: Context): void {
  if (permissionsBoundary === undefined) return;
  for (const stack of stacks) {
    const policy = ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', permissionsBoundary);
    PermissionsBoundary.of(stack).apply(policy);
  }
}
