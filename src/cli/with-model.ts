/** Loads a model for a command and disposes of it afterwards. */
import type { LanguageModel, LoadOptions } from '../model/language-model.js';
import { interruptible } from './interrupt.js';
import { downloadBar, toStandardError } from './output.js';

/** What is loaded, and what computes it. */
export interface ModelOptions extends Pick<LoadOptions, 'chat' | 'chatTemplatePath' | 'chatTemplateKwargs'> {
  model: string;
  device: string;
  dtype: 'float32' | 'bfloat16';
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
  return interruptible(
    () => process.stderr.write('\nStopping.\n'),
    async (signal) => {
      const { model: name, device, dtype, threads, maxMemory } = options;
      const { chat = false, chatTemplatePath = null, chatTemplateKwargs = null } = options;
      const model = await LanguageModel.load({
        model: name,
        device,
        dtype,
        threads,
        maxMemory,
        chat,
        chatTemplatePath,
        chatTemplateKwargs,
        onProgress: download.onProgress,
        onNotice: toStandardError,
        signal,
      }).finally(download.end);
      try {
        return await work(model, signal);
      } finally {
        await model.dispose();
      }
    },
  );
}
