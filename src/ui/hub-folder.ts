/** The folder of a run's model as it is on the hub: the files of the model, its card, its curves. */
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { licenceOf } from '../hub/models.js';
import { parseRepository } from '../hub/name.js';
import { diskError, writeAtomic } from '../machine/disk.js';
import { isAdapter, readAdapter } from '../model/adapter.js';
import { findWeights } from '../model/run-weights.js';
import { readRun } from '../run/folder/read.js';
import { modelCard } from './model-card.js';
import { curvesSvg } from './svg-chart.js';

/** Its name in the run folder. */
const FOLDER = 'hub';
const CURVES = 'curves.svg';
/** Files of the model; a checkpoint has others beside them, which are of the run. */
const OF_THE_MODEL =
  /^(((adapter_)?model(-\d+-of-\d+)?\.safetensors(\.index\.json)?)|((config|adapter_config|generation_config|tokenizer.*|special_tokens_map|added_tokens|vocab)\.json)|merges\.txt|chat_template\.(json|jinja)|LICENSE.*)$/;

/**
 * Writes `RUN/hub` anew. The weights are linked, and not copied where the file system can link.
 *
 * @param id `user/name` that it is to have on the hub
 * @returns the folder, and the names of the files in it
 * @throws {GrpoError} RUN_NOT_FOUND, INIT_FROM (no weights), DISK_FULL, WRITE_FAILED
 */
export async function writeHubFolder(
  run: string,
  id: string,
  onNotice: (text: string) => void,
): Promise<{ folder: string; files: string[] }> {
  const record = await readRun(run);
  const weights = await findWeights(run, onNotice);
  const folder = join(record.path, FOLDER);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const names = (await readdir(weights)).filter((name) => OF_THE_MODEL.test(name)).sort();
  for (const name of names) {
    const [from, to] = [join(weights, name), join(folder, name)];
    await link(from, to).catch(() => copyFile(from, to).catch(diskError(to)));
  }
  if (await isAdapter(weights)) await sayWhereBaseIs(weights, onNotice);
  const baseModel = hubIdOf(record.config.model);
  const licence = baseModel === undefined ? undefined : await licenceOf(baseModel);
  await writeAtomic(join(folder, 'README.md'), modelCard(record, { id, baseModel, licence, curves: CURVES }));
  await writeAtomic(join(folder, CURVES), curvesSvg([record]));
  return { folder, files: ['README.md', CURVES, ...names] };
}

/** An adapter is of use only with its model. */
async function sayWhereBaseIs(weights: string, onNotice: (text: string) => void): Promise<void> {
  const { base = '' } = await readAdapter(weights);
  if (parseRepository(base) && !existsSync(base)) return;
  onNotice(
    `the adapter is for ${base}, which is not of the hub: others can't load it. Push a run whose --model is a hub id, or upload the whole model, which grpo-native merge writes`,
  );
}

/** The hub's name of a model that a run was started with; undefined where that was a folder, a run or `tiny`. */
function hubIdOf(model: unknown): string | undefined {
  const id = parseRepository(String(model))?.id;
  return id === undefined || existsSync(String(model)) || id.startsWith('runs/') ? undefined : id;
}
