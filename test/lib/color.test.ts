/** Two sets of edges on the same tables. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { ContextError } from '../../lib/context.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';
import { IMAGE, makeStacks, PRODUCTION } from './support.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

type Made = ReturnType<typeof makeStacks>;
type Resources = Record<string, { Type: string; Properties?: Record<string, unknown> }>;
const resourcesOf = (stack: Made['edge' | 'monitoring']): Resources => Template.fromStack(stack).toJSON().Resources;

/** Properties by which AWS knows a resource all over an account. */
const NAMES =
  /^(TableName|BucketName|RoleName|FunctionName|QueueName|TopicName|AlarmName|DashboardName|LogGroupName|ClusterName|ServiceName|Name)$/;
/** Names within their own service or VPC: nobody meets there. */
const WITHIN = new Set(['AWS::ServiceDiscovery::Service', 'AWS::ECS::TaskDefinition']);
const namesOf = (made: Made): string[] =>
  [made.edge, made.monitoring].flatMap((stack) =>
    Object.values(resourcesOf(stack)).flatMap(({ Type, Properties = {} }) =>
      WITHIN.has(Type)
        ? []
        : Object.entries(Properties).flatMap(([name, value]) =>
            NAMES.test(name) && typeof value === 'string' ? [`${Type} ${value}`] : [],
          ),
    ),
  );

describe('a color', () => {
  let blue: Made;
  let green: Made;

  beforeAll(() => {
    blue = makeStacks(OUT, PRODUCTION);
    green = makeStacks(OUT, { ...PRODUCTION, color: 'green' });
  }, 60_000);

  test('has an edge and a monitoring stack of its own; the others are those that are there, to the letter', () => {
    expect([green.edge.stackName, green.monitoring.stackName]).toEqual([
      'fixgate-production-edge-green',
      'fixgate-production-monitoring-green',
    ]);
    for (const part of ['storage', 'audit', 'adminApi'] as const) {
      expect(green[part].stackName).toBe(blue[part].stackName);
      expect(Template.fromStack(green[part]).toJSON()).toEqual(Template.fromStack(blue[part]).toJSON());
    }
  }, 30_000);

  test('shares no name with another', () => {
    const [ours, theirs] = [namesOf(green), namesOf(blue)];
    expect(ours.length).toBeGreaterThan(30);
    expect(ours.filter((name) => theirs.includes(name))).toEqual([]);
  });

  test('has its own names of edges, metrics, alarms and canary', () => {
    const text = JSON.stringify([resourcesOf(green.edge), resourcesOf(green.monitoring)]);
    const edge = JSON.stringify(resourcesOf(green.edge));
    expect(edge).toContain('{"Name":"FIXGATE_EDGE_POOL","Value":"green:20"}');
    expect(edge).toContain('{"Name":"FIXGATE_DEPLOYMENT","Value":"fixgate-production-green"}');
    const users = (made: Made) =>
      /"FIXGATE_CANARY_USER":"([^"]+)"/.exec(JSON.stringify(resourcesOf(made.monitoring)))?.[1];
    expect([users(blue), users(green)]).toEqual(['fixgate-canary', 'fixgate-canary-green']);
    // What functions of the shared stacks tell is told under the name of the whole.
    const alarm = (name: string) =>
      Object.values(resourcesOf(green.monitoring)).find(({ Properties }) => Properties?.AlarmName === name)?.Properties;
    const dimension = (Value: string) => [{ Name: 'deployment', Value }];
    expect(alarm('fixgate-production-green-CanaryFails')?.Dimensions).toEqual(dimension('fixgate-production-green'));
    expect(alarm('fixgate-production-green-AuditChainBroken')?.Dimensions).toEqual(dimension('fixgate-production'));
    expect(text).not.toContain('"FIXGATE_DEPLOYMENT","Value":"fixgate-production"');
  });

  test.each(['Green', '1', 'a-b', 'abcdefghijk'])('%s is none', (color) => {
    expect(() => makeStacks(OUT, { ...IMAGE, color })).toThrow(ContextError);
  });
});
