/** The entry points import this first, so that an unsupported Node is named before a dependency fails on it. */
import { nodeProblem } from './node-version.js';

const problem = nodeProblem();
if (problem) throw problem;
