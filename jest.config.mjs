// Jest in ESM mode: scripts/test.ts starts it under --experimental-vm-modules.
// swc only takes the types away; tsc checks them before Jest runs.

import { join } from 'node:path';

// Tests start hundreds of processes of this tree: each finds there what one before it has compiled.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules', '.cache', 'compile');

/** @type {import('jest').Config} */
export default {
  rootDir: import.meta.dirname,
  roots: ['<rootDir>/test'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        module: { type: 'es6' },
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript' },
          transform: { verbatimModuleSyntax: true },
          experimental: { keepImportAttributes: true },
        },
      },
    ],
  },
  testTimeout: 20_000,
  // Two workers on two cores; one that has grown past this is replaced between test files.
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
};
