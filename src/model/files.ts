/** Finds the folder, in the Hugging Face layout, of the model that a user names. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GrpoError, shown } from '../common/errors.js';
import { packageRoot } from '../machine/paths.js';
import { isRun, weightsOf } from './run-weights.js';
import type { DownloadOptions } from '../hub/download.js';
import { downloadModel } from '../hub/models.js';
import { parseRepository } from '../hub/name.js';

/** What a model that is looked for reports, and what ends the search. */
export interface ResolveOptions extends DownloadOptions {
  /** Called with a text that says which weights of a run are used. */
  onNotice?: ((text: string) => void) | undefined;
}

/** Name of the embedded model. */
const TINY = 'tiny';

/**
 * @param model `tiny`, a folder, a run as `--init-from` has it, or a hub id (`Qwen/Qwen2.5-0.5B`, or with a
 *   revision: `org/name@main`)
 */
export async function resolveModel(model: string, options: ResolveOptions = {}): Promise<string> {
  if (model === TINY) return join(packageRoot(), 'models', 'tiny');
  const info = await stat(model).catch(() => undefined);
  if (!info || info.isDirectory()) {
    const weights = await weightsOf(model, options.onNotice);
    if (weights !== undefined) return weights;
    if (info && !(await isRun(model))) return resolve(model);
  }
  if (info?.isDirectory())
    throw new GrpoError('MODEL_NOT_FOUND', `${model} is a run that has saved no weights yet`, {
      fix: 'wait for its first checkpoint (--save-steps) or its end, or give another model',
      value: model,
    });
  if (info)
    throw new GrpoError('MODEL_NOT_A_FOLDER', `${model} is a file`, {
      fix: 'give the folder that holds it, in the Hugging Face layout (config.json, tokenizer.json, model.safetensors)',
      value: model,
    });
  const named = parseRepository(model);
  if (!named)
    throw new GrpoError('MODEL_NOT_FOUND', `there is no model ${shown(model)}`, {
      fix: `give ${TINY}, a folder in the Hugging Face layout, a run such as runs/NAME, or a hub id such as Qwen/Qwen2.5-0.5B`,
      value: model,
    });
  return downloadModel(named.id, named.revision, options);
}
