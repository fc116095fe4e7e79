/** `npm run docs:cli`: writes docs/cli.md, the reference of the command line. */
import { writeFileSync } from 'node:fs';
import { cliReference, REFERENCE_FILE } from './cli-reference.js';

writeFileSync(REFERENCE_FILE, await cliReference());
