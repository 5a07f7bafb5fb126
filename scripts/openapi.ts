// Writes docs/openapi.json and docs/ERRORS.md from the contract.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorsPage } from '../contract/errors.ts';
import { openapi } from '../contract/openapi.ts';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

mkdirSync(join(root, 'docs'), { recursive: true });
writeFileSync(join(root, 'docs/openapi.json'), `${JSON.stringify(openapi(version), null, 2)}\n`);
writeFileSync(join(root, 'docs/ERRORS.md'), errorsPage());
process.stdout.write('wrote docs/openapi.json and docs/ERRORS.md\n');
