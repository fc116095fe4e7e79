/** `manifest.json`: sizes and hashes of a folder's files. Written last, it tells that the folder is whole. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSynced, syncFolder } from '../disk.js';

const MANIFEST = 'manifest.json';

interface Manifest {
  files: Record<string, { size: number; sha256: string }>;
}

/** Of the files that lie in the folder; no subfolders. */
export async function writeManifest(folder: string): Promise<void> {
  const files: Manifest['files'] = {};
  for (const name of (await readdir(folder)).sort()) {
    const file = join(folder, name);
    files[name] = { size: (await stat(file)).size, sha256: await sha256(file) };
  }
  await writeSynced(join(folder, MANIFEST), `${JSON.stringify({ files }, null, 2)}\n`);
  await syncFolder(folder);
}

/**
 * What is wrong with the folder; undefined: nothing.
 * @param options `hashes`: reads every file, rather than look at its size alone
 */
export async function faultOf(folder: string, options: { hashes: boolean }): Promise<string | undefined> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined);
  if (text === undefined) return 'it has no manifest.json';
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
    if (Object.keys(manifest.files).length === 0) return 'its manifest.json names no file';
  } catch {
    return 'its manifest.json is damaged';
  }
  for (const [name, { size, sha256: expected }] of Object.entries(manifest.files)) {
    const file = join(folder, name);
    const there = await stat(file).catch(() => undefined);
    if (!there) return `${name} is missing`;
    if (there.size !== size) return `${name} has ${there.size} bytes instead of ${size}`;
    if (options.hashes && (await sha256(file)) !== expected) return `${name} was changed`;
  }
  return undefined;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
