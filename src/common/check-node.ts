/** Imported first by what programs load: before a dependency fails in words of its own. */
import { nodeProblem } from './node-version.js';

const problem = nodeProblem();
if (problem) throw problem;
