/** Entry points for scripts that run without the command line: npm's install hook, node-gyp. */
import '../common/check-node.js';
import pc from 'picocolors';
import { GrpoError } from '../common/errors.js';
import { buildAddon } from '../engine/libtorch/build.js';
import { findLibtorch, search } from '../engine/libtorch/find.js';

/**
 * npm's install hook: builds the addon if a usable libtorch is found, otherwise prints the command
 * that gets one. Never fails and never downloads.
 */
export async function installHook(): Promise<void> {
  // Packing runs the same script, and needs no addon.
  if (process.env.npm_command === 'pack' || process.env.npm_command === 'publish') return;
  try {
    const { chosen } = search();
    if (chosen === null) {
      say('libtorch is still missing. One command finds or fetches it and builds the rest:');
      say(`  ${pc.bold('npx grpo-native setup')}`);
      return;
    }
    say(`building against libtorch ${chosen.version} in ${chosen.path} (about a minute)`);
    const { seconds } = await buildAddon(chosen);
    say(`built in ${seconds.toFixed(0)} s; next: ${pc.bold('npx grpo-native train')}`);
  } catch (error) {
    say(`the addon is not built yet: ${(error as Error).message}`);
    if (error instanceof GrpoError) say(error.fix);
    say(`then run: ${pc.bold('npx grpo-native setup')}`);
  }
}

/** Builds against the libtorch that is found, for developers and node-gyp; throws if that fails. */
export async function buildNative(args: string[]): Promise<void> {
  try {
    const { libtorch, source } = findLibtorch();
    say(`libtorch ${libtorch.version} (${source}) in ${libtorch.path}`);
    const sanitize = (['address', 'thread'] as const).find((name) => args.includes(`--sanitize=${name}`));
    const options = {
      debug: args.includes('--debug'),
      clean: args.includes('--clean'),
      ...(sanitize && { sanitize }),
    };
    const { addon, seconds } = await buildAddon(libtorch, { ...options, onProgress: say });
    say(`built ${addon} in ${seconds.toFixed(1)} s`);
  } catch (error) {
    if (!(error instanceof GrpoError)) throw error;
    say(`${error.code}: ${error.message}`);
    say(error.fix);
    process.exitCode = error.exitCode;
  }
}

function say(line: string): void {
  process.stderr.write(`grpo-native: ${line}\n`);
}
