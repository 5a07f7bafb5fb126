/** What a deployer may say, and is told when it is wrong. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { ContextError } from '../../lib/context.ts';
import { removeDirectory, temporaryDirectory } from '../support/product.ts';
import { IMAGE, makeStacks, PRODUCTION, SECRET } from './support.ts';

const OUT = temporaryDirectory();
afterAll(() => removeDirectory(OUT));
const make = (context: Record<string, unknown>) => makeStacks(OUT, context);

describe('the context', () => {
  test.each([
    [{ stage: 'prod' }, 'stage=prod'],
    [{ allowedCidrs: 'everywhere' }, 'allowedCidrs'],
    [{ desiredCount: '0' }, 'desiredCount=0'],
    [{ desiredCount: '5', maxCount: '2' }, 'maxCount=2'],
    [{ certificateArn: 'mine' }, 'certificateArn=mine'],
    [{ logRetentionDays: '8' }, 'logRetentionDays=8'],
    [{ ...PRODUCTION, certificateArn: undefined }, 'fixTls=off'],
    [{ ...PRODUCTION, certificateArn: undefined, fixTls: 'off', proxyProtocol: 'off' }, 'fixTls=off'],
    [{ ...PRODUCTION, certificateArn: undefined, fixTls: 'off', proxyProtocol: 'off' }, 'proxyProtocol=off'],
    [{ ...PRODUCTION, proxyProtocol: 'off' }, 'proxyProtocol=off'],
    [{ ...PRODUCTION, fixTls: 'off' }, 'certificateArn'],
    [{ fixTls: 'yes' }, 'fixTls=yes'],
    [{ fixTls: 'listener' }, 'certificateArn'],
    [{ fixTls: 'container' }, 'fixTlsSecretArn'],
    [{ fixTls: 'container', fixTlsSecretArn: 'mine' }, 'fixTlsSecretArn=mine'],
    [{ fixTlsSecretArn: SECRET, certificateArn: PRODUCTION.certificateArn }, 'fixTlsSecretArn'],
    [{ proxyProtocol: 'v1' }, 'proxyProtocol=v1'],
    [{ ...PRODUCTION, allowedCidrs: '0.0.0.0/0' }, 'allowedCidrs=0.0.0.0/0'],
    [{ ...PRODUCTION, desiredCount: '1' }, 'desiredCount=1'],
    [{ ...PRODUCTION, auditRetentionDays: '30' }, 'auditRetentionDays=30'],
    [{ auditRetentionDays: '0' }, 'auditRetentionDays=0'],
    [{ vpcCidr: '8.8.0.0/16' }, 'vpcCidr=8.8.0.0/16'],
    [{ vpcCidr: '10.0.0.0/28' }, 'vpcCidr=10.0.0.0/28'],
    [{ emulator: 'yes' }, 'emulator=yes'],
    [{ zones: '4' }, 'zones=4'],
    [{ journal: 'memory' }, 'journal=memory'],
    [{ quietHourUtc: '24' }, 'quietHourUtc=24'],
    [{ adminDomain: 'fix.example.com' }, 'adminCertificateArn'],
    [{ adminDomain: 'fix', adminCertificateArn: PRODUCTION.certificateArn }, 'adminDomain=fix'],
    [{ adminVpcEndpoint: 'mine' }, 'adminVpcEndpoint=mine'],
    [{ adminVpcEndpoint: 'vpce-0123456789abcdef0', adminCidrs: '192.0.2.0/24' }, 'adminCidrs'],
    [{ ...PRODUCTION, adminCidrs: '0.0.0.0/0' }, 'adminCidrs=0.0.0.0/0'],
    [{ alarmEmail: 'nobody' }, 'alarmEmail=nobody'],
  ])('%j is refused, naming the value', (context, name) => {
    expect(() => make({ ...IMAGE, ...context })).toThrow(ContextError);
    expect(() => make({ ...IMAGE, ...context })).toThrow(name);
  });
});
