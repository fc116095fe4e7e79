/**
 * `manifest.json`: sizes and hashes of a folder's files. It is written last, and shows that the folder is
 * complete.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../common/json.js';
import { writeSynced, syncFolder } from '../../machine/disk.js';
import { sha256 } from '../../machine/files.js';

const MANIFEST = 'manifest.json';

const MANIFEST_SCHEMA = z.object({
  files: z.record(
    z.string().refine((name) => basename(name) === name && name !== '..'),
    z.object({ size: z.number(), sha256: z.string() }),
  ),
});
type Manifest = z.output<typeof MANIFEST_SCHEMA>;

/** Writes the manifest of the files in a folder that has no subfolders. */
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
 * Says how a folder differs from its manifest; undefined: it doesn't.
 * @param options `hashes`: whether to compare contents, which reads every file, or only sizes
 */
export async function faultOf(folder: string, options: { hashes: boolean }): Promise<string | undefined> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined);
  if (text === undefined) return 'it has no manifest.json';
  const manifest = parseManifest(text);
  if (!manifest) return 'its manifest.json is damaged';
  if (Object.keys(manifest.files).length === 0) return 'its manifest.json names no file';
  for (const [name, { size, sha256: expected }] of Object.entries(manifest.files)) {
    const file = join(folder, name);
    const there = await stat(file).catch(() => undefined);
    if (!there) return `${name} is missing`;
    if (there.size !== size) return `${name} has ${there.size} bytes instead of ${size}`;
    if (options.hashes && (await sha256(file)) !== expected) return `${name} was changed`;
  }
  return undefined;
}

/** Undefined where the text is no manifest, or names anything but files of its own folder. */
function parseManifest(text: string): Manifest | undefined {
  const manifest = MANIFEST_SCHEMA.safeParse(parseJson(text));
  return manifest.success ? manifest.data : undefined;
}
