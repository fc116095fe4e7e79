/** Loads the native addon, once per process, and turns its errors into `GrpoError`s. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { addonPath, packageRoot } from '../machine/paths.js';
import { shadowed } from './shadowed.js';
import type { EngineOptions, NativeAddon, NativeEngine } from './types.js';

let loaded: NativeAddon | undefined;

/**
 * How long libtorch's OpenMP threads (libgomp) spin before they sleep when they wait for each other.
 * The default is milliseconds: on a machine with other work, a step then takes a hundred times as
 * long. libgomp reads the value when it is loaded.
 */
const SPIN_COUNT = '5000';

/** @throws {GrpoError} ADDON_MISSING, ADDON_BROKEN */
export function loadAddon(): NativeAddon {
  if (loaded) return loaded;
  const file = addonPath();
  if (!existsSync(file)) {
    throw new GrpoError('ADDON_MISSING', 'the native engine has not been built yet', {
      fix: 'run `npx grpo-native setup`, once',
      value: file,
      exitCode: 1,
    });
  }
  if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= SPIN_COUNT;
  try {
    loaded = createRequire(join(packageRoot(), 'package.json'))(file) as NativeAddon;
  } catch (error) {
    const { message } = error as Error;
    throw (
      shadowed(message) ??
      new GrpoError('ADDON_BROKEN', `the native engine does not load: ${message}`, {
        fix: 'run `npx grpo-native setup` to build it again, or `npx grpo-native doctor` to see what is wrong',
        value: file,
        exitCode: 1,
        cause: error,
      })
    );
  }
  return loaded;
}

/**
 * An engine whose rejections are `GrpoError`s.
 * @throws {GrpoError} BAD_ARGUMENT where the options are invalid; whether the device works shows at the first call
 */
export function createEngine(options: EngineOptions): NativeEngine {
  const { Engine } = loadAddon();
  let engine: NativeEngine;
  try {
    engine = new Engine(options);
  } catch (error) {
    throw asGrpoError(error);
  }
  return new Proxy(engine, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, target, args);
        return result instanceof Promise
          ? result.catch((error: unknown) => Promise.reject(asGrpoError(error)))
          : result;
      };
    },
  });
}

/** Writes tensors of a snapshot to a file; rejects with a `GrpoError`. */
export function writeSnapshot(...args: Parameters<NativeAddon['writeSnapshot']>): Promise<void> {
  return loadAddon()
    .writeSnapshot(...args)
    .catch((error: unknown) => Promise.reject(asGrpoError(error)));
}

/** Codes that mean bad input (exit status 2); all others are failures at run time (exit status 1). */
const INPUT_CODES = new Set([
  'BAD_ARGUMENT',
  'DEVICE_UNKNOWN',
  'DEVICE_MISSING',
  'FILE_READ',
  'LIBTORCH_VERSION',
  'TENSOR_BYTES',
  'TENSOR_MISMATCH',
  'TENSOR_UNKNOWN',
]);

/** Native errors carry `code` and `fix`. */
function asGrpoError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { code, fix } = error as { code?: unknown; fix?: unknown };
  if (typeof code !== 'string' || typeof fix !== 'string') return error;
  return new GrpoError(code, error.message, { fix, cause: error, exitCode: INPUT_CODES.has(code) ? 2 : 1 });
}
