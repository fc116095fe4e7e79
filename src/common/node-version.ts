/**
 * The versions of Node that this package runs on: those whose `require` takes ES modules, as several dependencies are
 * published as nothing else. `engines` in package.json says the same.
 */
import { GrpoError } from './errors.js';

export const SUPPORTED_NODE = '^20.19.0 || >=22.12.0';

/** What is wrong with the version of Node, if anything. */
export function nodeProblem(version = process.versions.node): GrpoError | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return undefined;
  return new GrpoError(
    'NODE_VERSION',
    `grpo-native needs Node 22.12 or later, or 20.19 or later of Node 20; this is ${version}`,
    { fix: 'install such a version of Node', value: version },
  );
}
