import { describe, expect, test } from '@jest/globals';
import { EmfReporter, type ReadMetric } from '../../edge/emf.ts';
import { Metrics } from '../../edge/metrics.ts';

describe('the line for CloudWatch', () => {
  const metrics = new Metrics();
  const reporter = new EmfReporter('fixgate-dev', 'edge-1');
  const line = async (now = 1) =>
    JSON.parse(reporter.line((await metrics.registry.getMetricsAsJSON()) as readonly ReadMetric[], now));

  test('has what has risen since the line before, not what it stands at', async () => {
    metrics.logon('accepted');
    metrics.logon('accepted');
    metrics.logon('wrong_password');
    metrics.logon('unavailable');
    metrics.limited('alice', 'order');
    metrics.storeTook('slots.take', false, 3);
    for (const why of ['throttled', 'unanswered', 'throttled']) metrics.storeTryFailed('GetItem', why);
    const first = await line();
    expect(first).toMatchObject({
      deployment: 'fixgate-dev',
      edge: 'edge-1',
      LogonsAccepted: 2,
      LogonsRefused: 1,
      LogonsUnavailable: 1,
      LimiterRefusals: 1,
      StoreFailures: 1,
      StoreThrottled: 2,
      refused: { wrong_password: 1, unavailable: 1 },
    });
    metrics.logon('accepted');
    expect(await line()).toMatchObject({ LogonsAccepted: 1, LogonsRefused: 0, LimiterRefusals: 0, refused: {} });
  });

  test('has the bucket that holds 99 of 100, of this minute alone', async () => {
    for (let i = 0; i < 98; i++) metrics.logonTook(2);
    for (let i = 0; i < 2; i++) metrics.logonTook(240);
    expect((await line()).LogonP99).toBe(250);
    for (let i = 0; i < 100; i++) metrics.logonTook(2);
    expect((await line()).LogonP99).toBe(2.5);
    expect((await line()).LogonP99).toBe(0);
    metrics.logonTook(60_000);
    expect((await line()).LogonP99).toBe(5000);
  });

  test('is in the format: each metric has a value and a unit, under one dimension', async () => {
    const { _aws, ...values } = await line(1_700_000_000_000);
    expect(_aws.Timestamp).toBe(1_700_000_000_000);
    const [{ Namespace, Dimensions, Metrics: named }] = _aws.CloudWatchMetrics;
    expect([Namespace, Dimensions]).toEqual(['fixgate', [['deployment']]]);
    // The format takes a hundred metrics a line.
    expect(named.length).toBeLessThanOrEqual(100);
    for (const { Name, Unit } of named) {
      expect(['Count', 'Milliseconds', 'Bytes']).toContain(Unit);
      expect(Number.isFinite(values[Name])).toBe(true);
    }
  });
});
