import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CloudFormationCustomResourceEvent } from 'aws-lambda';
import { answering } from '../../lambdas/custom-resource.ts';

describe('the answer to CloudFormation', () => {
  let server: Server;
  let status = 200;
  let got: { method?: string | undefined; type?: string | undefined; body: Record<string, unknown> }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += chunk));
      request.on('end', () => {
        got.push({ method: request.method, type: request.headers['content-type'], body: JSON.parse(text) });
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  beforeEach(() => {
    got = [];
    status = 200;
  });

  const event = (): CloudFormationCustomResourceEvent => ({
    RequestType: 'Create',
    ServiceToken: 'arn:aws:lambda:us-east-1:1:function:f',
    ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?Signature=1`,
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'logical',
    ResourceType: 'Custom::FixgatePreparation',
    ResourceProperties: { ServiceToken: 'arn:aws:lambda:us-east-1:1:function:f' },
  });
  const ids = { PhysicalResourceId: 'physical', StackId: 'stack', RequestId: 'request', LogicalResourceId: 'logical' };

  test('is put without a content type, with what was made', async () => {
    await answering(event(), 'physical', async () => ({ branch_key: 'created' }));
    expect(got).toEqual([
      { method: 'PUT', type: '', body: { ...ids, Status: 'SUCCESS', Data: { branch_key: 'created' } } },
    ]);
  });

  test('says why when it failed, in bounded words', async () => {
    await answering(event(), 'physical', () => Promise.reject(new Error(`no key ${'x'.repeat(5000)}`)));
    expect(got[0]?.body).toMatchObject({ ...ids, Status: 'FAILED', Reason: expect.stringMatching(/^no key x/) });
    expect(String(got[0]?.body.Reason).length).toBe(1000);
  });

  test('that is not taken is an error', async () => {
    status = 403;
    await expect(answering(event(), 'physical', async () => ({}))).rejects.toThrow('403');
  });
});
