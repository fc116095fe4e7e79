/**
 * Models from the Hugging Face hub, in the cache that Hugging Face's tools share:
 * `models--org--name/{refs,blobs,snapshots}`. A model that is in the cache needs no network.
 * `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` have the same meaning as in those
 * tools.
 */
import { mkdir, readFile, rename, rm, symlink, writeFile, copyFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { exists } from '../machine/files.js';
import { GrpoError } from '../common/errors.js';
import { cacheDir, userCache } from '../machine/paths.js';
import { type DownloadProgress, download, request } from './download.js';
import { readJsonObject } from './json.js';

export interface HubOptions {
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const INDEX = 'model.safetensors.index.json';
/** Files of a repository that are downloaded, beside the weights. */
const REQUIRED = ['config.json', 'tokenizer.json'];
const OPTIONAL = ['generation_config.json', 'tokenizer_config.json', 'special_tokens_map.json'];

/** The folder of a model's snapshot in the cache; downloads it where it is missing. */
export async function hubFolder(id: string, revision: string, options: HubOptions = {}): Promise<string> {
  const repository = join(cacheFolder(), `models--${id.replace('/', '--')}`);
  const cached = await cachedSnapshot(repository, revision);
  if (cached) return cached;
  if (isOn(process.env.HF_HUB_OFFLINE))
    throw new GrpoError(
      'HUB_OFFLINE',
      `${id} is not in the cache ${cacheFolder()}, and HF_HUB_OFFLINE is set`,
      {
        fix: 'unset HF_HUB_OFFLINE to download it, or give the folder of a model',
        value: id,
      },
    );
  return downloadSnapshot(id, revision, repository, options);
}

function cacheFolder(): string {
  const { HF_HUB_CACHE, HF_HOME } = process.env;
  return HF_HUB_CACHE || join(HF_HOME || join(userCache() ?? cacheDir(), 'huggingface'), 'hub');
}

async function cachedSnapshot(repository: string, revision: string): Promise<string | undefined> {
  const ref = await readFile(join(repository, 'refs', revision), 'utf8').catch(() => revision);
  const folder = join(repository, 'snapshots', ref.trim());
  return (await isComplete(folder)) ? folder : undefined;
}

/** Whether a model can be loaded from the folder: an interrupted download leaves only a part of it. */
async function isComplete(folder: string): Promise<boolean> {
  for (const name of REQUIRED) if (!(await exists(join(folder, name)))) return false;
  if (await exists(join(folder, 'model.safetensors'))) return true;
  const shards = await shardsOf(join(folder, INDEX));
  if (shards.length === 0) return false;
  for (const shard of shards) if (!(await exists(join(folder, shard)))) return false;
  return true;
}

async function shardsOf(indexFile: string): Promise<string[]> {
  const index = await readJsonObject(indexFile).catch(() => undefined);
  const names = Object.values((index?.weight_map as Record<string, unknown> | undefined) ?? {});
  return [...new Set(names)].filter(
    (name): name is string => typeof name === 'string' && /^[\w.-]+$/.test(name),
  );
}

async function downloadSnapshot(
  id: string,
  revision: string,
  repository: string,
  options: HubOptions,
): Promise<string> {
  const info = await repositoryInfo(id, revision, options.signal);
  const folder = join(repository, 'snapshots', info.sha);
  const fetchFile = async (name: string) => {
    if (await exists(join(folder, name))) return;
    const blob = await download(
      {
        url: `${endpoint()}/${id}/resolve/${info.sha}/${name}`,
        file: name,
        blobs: join(repository, 'blobs'),
      },
      options,
    );
    await link(blob, join(folder, name));
  };

  for (const name of REQUIRED) {
    if (!info.files.has(name))
      throw new GrpoError('HUB_FILES', `${id} has no ${name}`, {
        fix: 'choose a model that has config.json, tokenizer.json and safetensors weights',
        value: id,
      });
  }
  const weights = info.files.has('model.safetensors') ? 'model.safetensors' : INDEX;
  if (!info.files.has(weights))
    throw new GrpoError('HUB_FILES', `${id} has no safetensors weights`, {
      fix: 'choose a model with model.safetensors (weights in .bin or .gguf must be converted first)',
      value: id,
    });
  for (const name of [...REQUIRED, ...OPTIONAL.filter((name) => info.files.has(name)), weights])
    await fetchFile(name);
  if (weights === INDEX) for (const shard of await shardsOf(join(folder, INDEX))) await fetchFile(shard);

  // The reference is written last: a snapshot is found by it, so only complete ones are.
  const ref = join(repository, 'refs', revision);
  await mkdir(dirname(ref), { recursive: true });
  await writeFile(`${ref}.${process.pid}`, info.sha);
  await rename(`${ref}.${process.pid}`, ref);
  return folder;
}

async function repositoryInfo(id: string, revision: string, signal?: AbortSignal) {
  const response = await request(
    `${endpoint()}/api/models/${id}/revision/${encodeURIComponent(revision)}`,
    { signal: signal ?? null },
    id,
  );
  const info = (await response.json().catch(() => ({}))) as {
    sha?: unknown;
    siblings?: { rfilename?: unknown }[];
  };
  if (typeof info.sha !== 'string' || !/^[0-9a-f]{7,64}$/.test(info.sha) || !Array.isArray(info.siblings))
    throw new GrpoError('HUB_ANSWER', `${endpoint()} does not answer as the hub does`, {
      fix: 'check HF_ENDPOINT, and whether a proxy stands between',
      value: endpoint(),
      exitCode: 1,
    });
  return { sha: info.sha, files: new Set(info.siblings.map(({ rfilename }) => rfilename)) };
}

/** As Hugging Face's tools: a relative link into `blobs`, or a copy where links can't be made. */
async function link(blob: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  try {
    await symlink(relative(dirname(target), blob), target);
  } catch {
    await copyFile(blob, `${target}.${process.pid}`);
    await rename(`${target}.${process.pid}`, target);
  }
}

const endpoint = () => (process.env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
const isOn = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value ?? '');
