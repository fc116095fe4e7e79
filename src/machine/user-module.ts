/** Loads a user's own module, JavaScript or TypeScript, and tracks when its code runs. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GrpoError } from '../common/errors.js';
import { packageRoot } from './paths.js';

const TYPESCRIPT = ['.ts', '.mts', '.cts'];
const EXTENSIONS = [...TYPESCRIPT, '.js', '.mjs', '.cjs'];

/** Path of the user's module whose code is running, inherited by the timers, promises and requests that it starts. */
const running = new AsyncLocalStorage<string>();
/** Loaded modules by file name and URL, to recognise them in a stack trace. */
const files = new Map<string, string>();

/** Calls `work` as code of the user's module at `path`. */
export const asModule = <T>(path: string, work: () => T): T => running.run(path, work);

/** Calls `work` as this project's own code, even if a user's module called us. */
export const asOurs = <T>(work: () => T): T => running.exit(work);

/** The user's module whose code is running, or whose file is in the stack trace of `error`. */
export function moduleOf(error?: unknown): string | undefined {
  const { stack } = (error ?? {}) as { stack?: unknown };
  return (
    running.getStore() ??
    (typeof stack === 'string' ? [...files].find(([file]) => stack.includes(file))?.[1] : undefined)
  );
}

export function isModulePath(spec: string): boolean {
  return spec.startsWith('.') || isAbsolute(spec) || EXTENSIONS.includes(extname(spec));
}

/** @throws {GrpoError} MODULE_NOT_FOUND, MODULE_FAILED */
export async function defaultExport(path: string, folder: string): Promise<unknown> {
  const file = resolve(folder, path);
  if (!EXTENSIONS.includes(extname(file))) {
    throw new GrpoError('MODULE_NOT_FOUND', `${path} is no module (${EXTENSIONS.join(', ')})`, {
      fix: 'give the path of the file, with its extension',
      value: path,
    });
  }
  try {
    await access(file);
  } catch {
    throw new GrpoError('MODULE_NOT_FOUND', `there is no file ${file}`, {
      fix: 'give the path of the module, from the folder that the command runs in',
      value: path,
    });
  }
  files.set(file, path);
  files.set(pathToFileURL(file).href, path);
  let loaded: unknown;
  try {
    loaded = await asModule(path, () => importModule(file));
  } catch (cause) {
    throw failed(path, cause);
  }
  // In a transpiled CommonJS module the default export is nested one level deeper.
  let value = (loaded as { default?: unknown }).default;
  if (typeof value === 'object' && value !== null && 'default' in value) value = value.default;
  if (value !== undefined) return value;
  throw new GrpoError('MODULE_FAILED', `${path} has no default export`, {
    fix: 'write `export default` before the task or the reward function (`module.exports =` in CommonJS)',
    value: path,
  });
}

async function importModule(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href;
  if (!TYPESCRIPT.includes(extname(file))) return import(url);
  // Node 20 can't run TypeScript by itself. jiti is loaded only for TypeScript modules.
  const { createJiti } = await import('jiti');
  return createJiti(url, { alias: ownName() }).import(file);
}

/** `grpo-native` is this package wherever the module lies: it may be installed elsewhere, or nowhere near. */
function ownName(): Record<string, string> {
  const library = join(packageRoot(), 'dist', 'index.js');
  return existsSync(library) ? { 'grpo-native': library } : {};
}

export function failed(path: string, cause: unknown): GrpoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new GrpoError('MODULE_FAILED', `${path} could not be loaded: ${message}`, {
    fix: 'mend the module; `node` (or `npx tsx`) run on it shows where it fails',
    value: path,
    cause,
  });
}
