import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { msgTypeCode } from '../../edge/fix/tags.ts';
import { Metrics } from '../../edge/metrics.ts';
import { encodeFix } from '../../local/fix-client.ts';

test('user labels are bounded in number', async () => {
  const metrics = new Metrics();
  for (let i = 0; i < 700; i++) metrics.limited(`u${i}`, 'order');
  const text = await metrics.registry.metrics();
  const lines = text.split('\n').filter((line) => line.startsWith('fix_rate_limit_exceeded_total{'));
  expect(lines).toHaveLength(501);
  expect(lines.at(-1)).toBe('fix_rate_limit_exceeded_total{user_id="other",type="order"} 200');
});

test('what an alarm counts is there before the first of it', async () => {
  const text = await new Metrics().registry.metrics();
  for (const series of [
    'fix_login_attempts_total{status="unavailable"}',
    'fix_sessions_wrested_total{by="others"}',
    'fix_session_moves_seconds_count{result="failed"}',
  ])
    expect(text).toContain(`\n${series} 0\n`);
});

test('what leaves in one write is counted message by message, whatever their types and lengths', async () => {
  const messages = fc.array(
    fc.record({
      type: fc.constantFrom('0', '8', 'A', 'AE', 'C', 'CB'),
      // Some as long as the one before, also where MsgType has a byte more.
      bytes: fc.oneof(fc.constantFrom(100, 101), fc.integer({ min: 1, max: 1200 })),
    }),
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(messages, fc.constantFrom('FIX.4.4', 'FIXT.1.1'), async (sent, beginString) => {
      const metrics = new Metrics();
      const texts = sent.map(({ type, bytes }, n) =>
        encodeFix(beginString, [
          [35, type],
          [34, n + 1],
          [58, 'x'.repeat(bytes)],
        ]),
      );
      metrics.sent(Buffer.from(texts.join(''), 'latin1'));
      const text = await metrics.registry.metrics();
      const said = [...text.matchAll(/^fix_messages_total\{direction="out",msg_type="(.*)"\} (\d+)$/gm)];
      const counts = new Map<string, number>();
      for (const { type } of sent) counts.set(type, (counts.get(type) ?? 0) + 1);
      expect(new Map(said.map(([, type, count]) => [type, Number(count)]))).toEqual(counts);
    }),
  );
});

test('what comes in is counted by its type, in whatever rows, and whenever it is read', async () => {
  const types = fc.array(fc.tuple(fc.constantFrom('D', 'F', '0', 'AE'), fc.integer({ min: 1, max: 5 }), fc.boolean()));
  await fc.assert(
    fc.asyncProperty(types, async (rows) => {
      const metrics = new Metrics();
      const counts = new Map<string, number>();
      const said = async () => {
        const text = await metrics.registry.metrics();
        const lines = text.matchAll(/^fix_messages_total\{direction="in",msg_type="(.*)"\} (\d+)$/gm);
        return new Map([...lines].map(([, type, count]) => [type, Number(count)]));
      };
      for (const [type, messages, read] of rows) {
        for (let i = 0; i < messages; i++) metrics.received(msgTypeCode(type));
        counts.set(type, (counts.get(type) ?? 0) + messages);
        if (read) expect(await said()).toEqual(counts);
      }
      expect(await said()).toEqual(counts);
    }),
    { numRuns: 50 },
  );
});
