/** What `-c emulator=true` leaves out, counted: a resource that is tried nowhere must be a decision. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { assemble } from '../../lib/app.ts';
import { ContextError } from '../../lib/context.ts';
import { LEFT_OUT } from '../../lib/emulator.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

const { context: flags } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { context: object };
const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

const make = (context: Record<string, unknown>) => {
  const image = { edgeImage: 'registry.example/fixgate-edge:1' };
  const app = new App({ outdir: OUT, context: { ...flags, 'aws:cdk:bundling-stacks': [], ...image, ...context } });
  return Object.values(assemble(app)).map((stack) => Template.fromStack(stack).toJSON());
};
type Resources = Record<string, { Type: string; Properties?: Record<string, unknown> }>;
const resourcesOf = (templates: readonly { Resources?: Resources }[]) =>
  new Map(
    templates.flatMap(({ Resources }, stack) =>
      Object.entries(Resources ?? {}).map(([id, one]) => [`${stack}/${id}`, one]),
    ),
  );

const counted = (types: readonly string[]) =>
  Object.fromEntries([...new Set(types)].sort().map((type) => [type, types.filter((one) => one === type).length]));

describe('for the emulator', () => {
  const whole = resourcesOf(make({}));
  const less = resourcesOf(make({ emulator: 'true' }));

  test('exactly these are left out', () => {
    const types = [...whole].filter(([id]) => !less.has(id)).map(([, { Type }]) => Type);
    expect(counted(types)).toEqual({
      'AWS::ApplicationAutoScaling::ScalableTarget': 1,
      'AWS::ApplicationAutoScaling::ScalingPolicy': 2,
      'AWS::CloudWatch::CompositeAlarm': 1,
      'AWS::EC2::FlowLog': 1,
      'AWS::EC2::SecurityGroupEgress': 2,
      'AWS::EC2::SecurityGroupIngress': 3,
      'AWS::WAFv2::WebACLAssociation': 1,
      'Custom::VpcRestrictDefaultSG': 1,
    });
    expect(types.filter((type) => !(type in LEFT_OUT))).toEqual([]);
  });

  test('nothing is added, and what stays is what AWS gets', () => {
    expect([...less.keys()].filter((id) => !whole.has(id))).toEqual([]);
    for (const [id, resource] of less) expect(resource).toEqual(whole.get(id));
  });

  test.each(['staging', 'production'])('%s does not take it', (stage) => {
    expect(() => make({ stage, emulator: true })).toThrow(ContextError);
    expect(() => make({ stage, emulator: true })).toThrow('emulator=true');
  });
});
