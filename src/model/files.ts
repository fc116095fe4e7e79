/** What the user calls a model -> a folder in the Hugging Face layout. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GrpoError, shown } from '../common/errors.js';
import { packageRoot } from '../machine/paths.js';
import { type HubOptions, hubFolder } from './hub.js';

/** The embedded model. */
export const TINY = 'tiny';

/**
 * @param model `tiny`, a folder, or a hub id (`Qwen/Qwen2.5-0.5B`, or with a revision: `org/name@main`)
 */
export async function resolveModel(model: string, options: HubOptions = {}): Promise<string> {
  if (model === TINY) return join(packageRoot(), 'models', 'tiny');
  const info = await stat(model).catch(() => undefined);
  if (info?.isDirectory()) return resolve(model);
  if (info)
    throw new GrpoError('MODEL_NOT_A_FOLDER', `${model} is a file`, {
      fix: 'give the folder that holds it, in the Hugging Face layout (config.json, tokenizer.json, model.safetensors)',
      value: model,
    });
  const id = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w./-]+))?$/.exec(model);
  if (!id || model.includes('..'))
    throw new GrpoError('MODEL_NOT_FOUND', `there is no model ${shown(model)}`, {
      fix: `give ${TINY}, a folder in the Hugging Face layout, or a hub id such as Qwen/Qwen2.5-0.5B`,
      value: model,
    });
  return hubFolder(id[1]!, id[2] ?? 'main', options);
}
