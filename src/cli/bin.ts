#!/usr/bin/env node
/** The executable. Nothing else is loaded before the version of Node is checked. */
import { nodeProblem } from '../common/node-version.js';

const problem = nodeProblem();
if (problem) {
  process.stderr.write(`error ${problem.code}: ${problem.message}\nfix: ${problem.fix}\n`);
  process.exitCode = problem.exitCode;
} else {
  await import('./main.js');
}
