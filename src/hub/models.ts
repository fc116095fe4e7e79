/** Models of the Hugging Face hub. A model that is in the cache needs no network. */
import { join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { isObject } from '../common/json.js';
import { exists } from '../machine/files.js';
import { readJson } from '../machine/paths.js';
import { CachedRepository } from './cache.js';
import type { DownloadOptions } from './download.js';
import { endpoint, isOffline } from './environment.js';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, WEIGHTS, WEIGHTS_INDEX } from './file-names.js';
import { hubFetch } from './request.js';

/** Files of a repository that are downloaded, beside the weights. */
const REQUIRED = ['config.json', 'tokenizer.json'];
/** Those of an adapter (LoRA), whose model is another repository. */
const ADAPTER = [ADAPTER_CONFIG, ADAPTER_WEIGHTS];
const OPTIONAL =
  /^((generation_config|tokenizer_config|special_tokens_map)\.json|chat_template\.jinja|additional_chat_templates\/[\w-]+\.jinja)$/;

/**
 * The folder of a model's snapshot in the cache, or of an adapter's; downloads it where it is missing.
 * @param id `organisation/name`
 * @param revision branch, tag or commit
 * @throws {GrpoError} HUB_FILES, and the codes of `CachedRepository`
 */
export async function downloadModel(
  id: string,
  revision: string,
  options: DownloadOptions = {},
): Promise<string> {
  const cached = new CachedRepository({ kind: 'model', id });
  const known = cached.snapshot(await cached.commitOf(revision));
  if (await isComplete(known)) return known;

  const { sha, files } = await cached.ask(revision, options.signal);
  const fetchAll = async (names: string[]) => {
    for (const name of names) await cached.file(sha, name, options);
  };
  const isAdapter =
    files.includes(ADAPTER_CONFIG) && ![WEIGHTS, WEIGHTS_INDEX].some((name) => files.includes(name));
  if (isAdapter) {
    if (!files.includes(ADAPTER_WEIGHTS))
      throw new GrpoError('HUB_FILES', `${id} is an adapter without ${ADAPTER_WEIGHTS}`, {
        fix: 'choose one that PEFT 0.6 or newer has saved (weights in .bin must be converted first)',
        value: id,
      });
    const beside = files.filter((name) => name === 'tokenizer.json' || OPTIONAL.test(name));
    await fetchAll([...ADAPTER, ...beside]);
    await cached.remember(revision, sha);
    return cached.snapshot(sha);
  }
  for (const name of REQUIRED) {
    if (!files.includes(name))
      throw new GrpoError('HUB_FILES', `${id} has no ${name}`, {
        fix: 'choose a model that has config.json, tokenizer.json and safetensors weights',
        value: id,
      });
  }
  const weights = [WEIGHTS, WEIGHTS_INDEX].find((name) => files.includes(name));
  if (weights === undefined)
    throw new GrpoError('HUB_FILES', `${id} has no safetensors weights`, {
      fix: 'choose a model with model.safetensors (weights in .bin or .gguf must be converted first)',
      value: id,
    });
  await fetchAll([...REQUIRED, ...files.filter((name) => OPTIONAL.test(name)), weights]);
  const folder = cached.snapshot(sha);
  if (weights === WEIGHTS_INDEX) await fetchAll(shardsOf(folder));
  await cached.remember(revision, sha);
  return folder;
}

/** Whether a model can be loaded from the folder: an interrupted download leaves only a part of it. */
async function isComplete(folder: string): Promise<boolean> {
  const there = (name: string) => exists(join(folder, name));
  const all = await Promise.all(ADAPTER.map(there));
  if (all.every(Boolean)) return true;
  for (const name of REQUIRED) if (!(await there(name))) return false;
  if (await there(WEIGHTS)) return true;
  const shards = shardsOf(folder);
  for (const shard of shards) if (!(await there(shard))) return false;
  return shards.length > 0;
}

/** The files that the index names, where these are plain names: it may come from anyone. */
function shardsOf(folder: string): string[] {
  const index = readJson<{ weight_map?: unknown }>(join(folder, WEIGHTS_INDEX));
  const map = isObject(index) && isObject(index.weight_map) ? index.weight_map : {};
  return [...new Set(Object.values(map))].filter(
    (name): name is string => typeof name === 'string' && /^[\w-][\w.-]*$/.test(name),
  );
}

/** The licence that a model's page names, such as `apache-2.0`; undefined where none is known. */
export async function licenceOf(id: string): Promise<string | undefined> {
  if (isOffline()) return undefined;
  try {
    const response = await hubFetch(`${endpoint()}/api/models/${id}`);
    const { cardData } = (await response.json()) as { cardData?: { license?: unknown } };
    return typeof cardData?.license === 'string' ? cardData.license : undefined;
  } catch {
    return undefined;
  }
}
