/** File writes after which a crash or a full disk leaves either the old or the new content. */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { exists } from './files.js';

/** For `.catch(diskError(path))`: a system error becomes one with a code and a remedy. */
export function diskError(path: string): (error: unknown) => never {
  return (error) => {
    throw asDiskError(error, path);
  };
}

export function asDiskError(error: unknown, path: string): GrpoError {
  if (error instanceof GrpoError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left/i.test(message))
    return new GrpoError('DISK_FULL', `the disk is full: ${path} could not be written`, {
      fix: 'free some space (older checkpoints are the largest files) and continue with --resume; what was saved before is intact',
      value: path,
      exitCode: 1,
      cause: error,
    });
  return new GrpoError('WRITE_FAILED', `${path} could not be written: ${message}`, {
    fix: 'check that the folder exists and that you may write to it',
    value: path,
    exitCode: 1,
    cause: error,
  });
}

/** Writes a file, and returns when it is on the disk. */
export async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'w').catch(diskError(path));
  try {
    await handle.writeFile(content);
    await handle.sync();
  } catch (error) {
    throw asDiskError(error, path);
  } finally {
    await handle.close();
  }
}

/** Flushes a folder's entries to the disk: files created, renamed or removed in it. */
export async function syncFolder(path: string): Promise<void> {
  // Some file systems can't open a folder; these flush its entries by themselves.
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/**
 * Replaces a file atomically: after a crash it holds the old content or the new, never a part of it. Its folder is
 * made where there is none.
 */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true }).catch(diskError(path));
  await replaceFile(path, (handle) => handle.writeFile(content));
}

/**
 * The same, of content that is written a part at a time.
 * @returns what `write` gives
 */
export async function replaceFile<T>(path: string, write: (handle: FileHandle) => Promise<T>): Promise<T> {
  const temporary = `${path}.tmp-${process.pid}`;
  const handle = await open(temporary, 'w').catch(diskError(path));
  try {
    const result = await write(handle);
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw (error as Error).name === 'AbortError' ? error : asDiskError(error, path);
  }
}

/**
 * Writes a folder that appears complete or not at all, in place of the one of its name, if there is one; what `fill`
 * wrote is removed when it fails.
 */
export async function replaceFolder(
  target: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.tmp`);
  const replaced = join(dirname(target), `.${basename(target)}.old`);
  try {
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await fill(temporary);
    await syncFolder(temporary);
    await rm(replaced, { recursive: true, force: true });
    if (await exists(target)) await rename(target, replaced);
    await rename(temporary, target);
    await syncFolder(dirname(target));
    await rm(replaced, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw asDiskError(error, target);
  }
}
