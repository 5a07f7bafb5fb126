/** Who is woken by what, and where it is written what to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { EmfReporter } from '../../edge/emf.ts';
import { assemble } from '../../lib/app.ts';
import { ROOT, removeDirectory, temporaryDirectory } from '../support/product.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));

interface Alarm {
  readonly Properties: {
    readonly AlarmName: string;
    readonly AlarmDescription: string;
    readonly AlarmActions: readonly unknown[];
    readonly MetricName: string;
    readonly Namespace: string;
    readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
  };
}

describe('monitoring', () => {
  let template: Template;
  let edge: Template;
  let alarms: readonly Alarm['Properties'][];

  beforeAll(() => {
    const context = {
      'aws:cdk:bundling-stacks': [],
      edgeImage: 'registry.example/fixgate-edge:1',
      alarmEmail: 'a@example.com',
    };
    const stacks = assemble(new App({ outdir: OUT, context }));
    template = Template.fromStack(stacks.monitoring);
    edge = Template.fromStack(stacks.edge);
    const found = Object.values(template.findResources('AWS::CloudWatch::Alarm')) as unknown as readonly Alarm[];
    alarms = found.map(({ Properties }) => Properties);
  }, 60_000);

  test('every alarm tells somebody, and names a place of the runbook that is there', () => {
    const runbook = readFileSync(join(ROOT, 'docs', 'RUNBOOK.md'), 'utf8');
    const headings = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text.toLowerCase().replaceAll(' ', '-'),
    );
    expect(alarms.length).toBeGreaterThan(25);
    for (const { AlarmName, AlarmDescription, AlarmActions } of alarms) {
      expect(AlarmActions).toHaveLength(1);
      const anchor = /docs\/RUNBOOK\.md#([a-z-]+)$/.exec(AlarmDescription)?.[1];
      expect([AlarmName, headings.includes(anchor ?? '')]).toEqual([AlarmName, true]);
    }
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'a@example.com' });
  });

  test('one alarm says that clients cannot log on, and is made of what makes it so', () => {
    const [composite] = Object.values(template.findResources('AWS::CloudWatch::CompositeAlarm'));
    const causes = JSON.stringify(composite?.Properties.AlarmRule);
    for (const cause of ['CanaryFails', 'NoEdge', 'LogonsUnavailable']) expect(causes).toContain(cause);
    expect(composite?.Properties.AlarmActions).toHaveLength(1);
  });

  test('what alarms ask of edges and functions is what these tell, under the dimension that they tell', () => {
    const line = JSON.parse(new EmfReporter('fixgate-dev', 'e').line([], 0));
    const told = new Set(line._aws.CloudWatchMetrics[0].Metrics.map(({ Name }: { Name: string }) => Name));
    const functions = ['archive', 'archive-gaps', 'checkpoint', 'canary'].map((name) =>
      readFileSync(join(ROOT, 'lambdas', 'functions', `${name}.ts`), 'utf8'),
    );
    for (const [, name = ''] of functions.join().matchAll(/metric\('(\w+)'/g)) told.add(name);
    const own = alarms.filter(({ Namespace }) => Namespace === 'fixgate');
    expect(own.length).toBeGreaterThan(8);
    for (const { MetricName, Dimensions } of own) {
      expect([MetricName, told.has(MetricName)]).toEqual([MetricName, true]);
      expect(Dimensions).toEqual([{ Name: 'deployment', Value: 'fixgate-dev' }]);
    }
    const environment = JSON.stringify(edge.findResources('AWS::ECS::TaskDefinition'));
    expect(environment).toContain('{"Name":"FIXGATE_DEPLOYMENT","Value":"fixgate-dev"}');
  });

  test('what the dashboard draws of edges is told too', () => {
    const line = JSON.parse(new EmfReporter('fixgate-dev', 'e').line([], 0));
    const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
    const body = JSON.stringify(dashboard?.Properties.DashboardBody).replaceAll('\\', '');
    const drawn = [...body.matchAll(/\["fixgate","(\w+)"/g)].map(([, name = '']) => name);
    expect(drawn.length).toBeGreaterThan(12);
    for (const name of drawn) expect([name, name in line || name === 'CanaryLogon']).toEqual([name, true]);
  });

  test('the canary is inside the VPC, and nobody but it and its maker read its password', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      VpcConfig: Match.anyValue(),
      Environment: { Variables: Match.objectLike({ FIXGATE_PROXY_PROTOCOL: 'on', FIXGATE_CANARY_TLS: 'off' }) },
    });
    const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[],
    );
    const readers = statements.filter(
      ({ Action, Resource }) =>
        [Action].flat().includes('secretsmanager:GetSecretValue') && JSON.stringify(Resource).includes('CanarySecret'),
    );
    expect(readers).toHaveLength(2);
  });

  test('edges are found by name, scale by sessions and CPU, and never down by themselves', () => {
    edge.hasResourceProperties('AWS::ServiceDiscovery::PrivateDnsNamespace', { Name: 'fixgate-dev.internal' });
    const policies = Object.values(edge.findResources('AWS::ApplicationAutoScaling::ScalingPolicy'));
    const configurations = policies.map(({ Properties }) => Properties.TargetTrackingScalingPolicyConfiguration);
    expect(configurations.map(({ DisableScaleIn }) => DisableScaleIn)).toEqual([true, true]);
    expect(JSON.stringify(configurations)).toContain('"MetricName":"Sessions"');
    const [target] = Object.values(edge.findResources('AWS::ApplicationAutoScaling::ScalableTarget'));
    expect(target?.Properties.ScheduledActions).toBeUndefined();
  });
});

test('with a quiet hour edges beyond the desired count are stopped then, and only then', () => {
  const context = { 'aws:cdk:bundling-stacks': [], edgeImage: 'registry.example/e:1', quietHourUtc: '22', zones: '3' };
  const edge = Template.fromStack(assemble(new App({ outdir: OUT, context })).edge);
  edge.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
    ScheduledActions: [
      Match.objectLike({ Schedule: 'cron(0 22 * * ? *)', ScalableTargetAction: { MinCapacity: 2, MaxCapacity: 2 } }),
      Match.objectLike({ Schedule: 'cron(30 22 * * ? *)', ScalableTargetAction: { MinCapacity: 2, MaxCapacity: 10 } }),
    ],
  });
  edge.resourceCountIs('AWS::EC2::Subnet', 6);
}, 60_000);
