/**
 * `-c emulator=true`: the same app without what the emulator of `npm run deploy:local` cannot take. Everything that is
 * left out is listed here; tests count it, and hold its properties in the templates that are made without this context.
 */
import { type App, CfnResource } from 'aws-cdk-lib';

/** Resource types that the emulator refuses a template for, and what then is not tried. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'AWS::ApplicationAutoScaling::ScalableTarget': 'scaling of edges',
  'AWS::ApplicationAutoScaling::ScalingPolicy': 'scaling of edges',
  'AWS::CloudWatch::CompositeAlarm': 'the alarm "clients cannot log on", which is made of others',
  'AWS::EC2::FlowLog': 'the log of rejected packets',
  'AWS::EC2::SecurityGroupEgress': 'who may speak to whom inside the VPC',
  'AWS::EC2::SecurityGroupIngress': 'who may speak to whom inside the VPC',
  'Custom::VpcRestrictDefaultSG': 'emptying the default security group: its function counts on the SDK of the runtime',
  'AWS::WAFv2::WebACLAssociation': 'the web ACL before the admin API',
};

/** Takes what cannot be deployed out of the app. @returns the paths of what was taken out, by type */
export function leaveOut(app: App): ReadonlyMap<string, readonly string[]> {
  const left = new Map<string, string[]>();
  for (const node of app.node.findAll()) {
    if (!CfnResource.isCfnResource(node) || !(node.cfnResourceType in LEFT_OUT)) continue;
    left.set(node.cfnResourceType, [...(left.get(node.cfnResourceType) ?? []), node.node.path]);
    node.node.scope?.node.tryRemoveChild(node.node.id);
  }
  return left;
}
