/** Brings the addon, and the tests' device, up to date before tests; a second when nothing changed. */
import { existsSync } from 'node:fs';
import { GrpoError } from '../../src/common/errors.js';
import { buildAddon } from '../../src/engine/libtorch/build.js';
import { findLibtorch } from '../../src/engine/libtorch/find.js';
import { addonPath } from '../../src/machine/paths.js';

export default async function setup(): Promise<void> {
  // An addon chosen by hand, say a debug build, is taken as it is.
  if (process.env.GRPO_NATIVE_ADDON && existsSync(addonPath())) return;
  try {
    const { libtorch } = findLibtorch();
    await buildAddon(libtorch, { testDevice: true, onProgress: (line) => process.stderr.write(line + '\n') });
  } catch (error) {
    if (error instanceof GrpoError) throw new Error(`${error.message}\n${error.fix}`, { cause: error });
    throw error;
  }
}
