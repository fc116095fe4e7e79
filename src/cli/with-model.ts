/** Loads a model for a command and disposes of it afterwards. */
import type { LanguageModel, LoadOptions } from '../model/language-model.js';
import { interruptible, sayStopping } from './interrupt.js';
import { downloadBar, toStandardError } from './output.js';

/** What is loaded, and what computes it. */
export interface ModelOptions extends Pick<
  LoadOptions,
  'adapter' | 'chat' | 'chatTemplatePath' | 'chatTemplateKwargs'
> {
  model: string;
  device: string;
  dtype: 'float32' | 'bfloat16' | 'auto';
  threads: number;
  maxMemory: number | null;
}

/** Loads the model, calls `work`, and frees the model even if `work` throws. */
export async function withModel<T>(
  options: ModelOptions,
  work: (model: LanguageModel, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { LanguageModel } = await import('../model/language-model.js');
  const download = downloadBar();
  return interruptible(sayStopping, async (signal) => {
    const model = await LanguageModel.load({
      ...options,
      onProgress: download.onProgress,
      onNotice: toStandardError,
      signal,
    }).finally(download.end);
    try {
      return await work(model, signal);
    } finally {
      await model.dispose();
    }
  });
}
