/** Fifth stage: the model, checked against the problems. The first that reads weights and, at its end, writes. */
import type { Dataset } from '../../data/tasks/index.js';
import type { Problem } from '../../data/tasks/task.js';
import { checkStop } from '../../grpo/stop.js';
import { openDevice } from '../../engine/device.js';
import type { Ranks } from '../../engine/ranks/ranks.js';
import { usableCores } from '../../machine/processor.js';
import { GrpoError } from '../../common/errors.js';
import { checkAdapter, resolveSource } from '../../model/adapter.js';
import { fingerprint, templateFingerprint } from '../../model/fingerprint.js';
import { loraOf } from '../../model/lora.js';
import { hasConversation } from '../../model/message.js';
import { encodePrompt } from '../../model/positions.js';
import { rankedModel, type SummableModel } from '../../model/ranked-model.js';
import type { TrainableModel } from '../../model/trainable.js';
import type { TrainExtras } from '../extras.js';
import type { Fingerprints } from '../folder/environment.js';
import { setAside } from '../folder/checkpoints.js';
import { refuseOtherModel } from '../folder/resume.js';
import { refuseUnfit } from '../forecast/run-memory.js';
import type { Place } from './folder.js';
import type { StageOptions } from './options.js';
import { problemsToCheck } from './prompts.js';

export interface LoadedModel {
  model: TrainableModel;
  /** Folder it was loaded from here; undefined: the program brought a model of its own. */
  folder: string | undefined;
  /** Tokens of the longest prompts, and of others. */
  promptLengths: number[];
  fingerprints: Fingerprints;
  /** Gives back a model that was loaded here. */
  dispose: () => Promise<void>;
}

/**
 * @param check throws where the model can't be taught these problems
 * @throws {GrpoError} BAD_COMBINATION, ADAPTER_OPTIONS, MODEL_CHANGED, CHAT_TEMPLATE_CHANGED, MODEL_NOT_FOUND, CHAT_TEMPLATE_MISSING, MEMORY,
 *   PROMPT_TOO_LONG, ADDON_MISSING and others of the model's folder, before anything is written
 */
export async function modelStage(
  options: StageOptions,
  dataset: Dataset,
  { run, weights, resumeFrom, fork }: Place,
  extras: TrainExtras,
  check: (model: TrainableModel, problems: Problem[]) => void = () => undefined,
): Promise<LoadedModel> {
  const chat = hasConversation([...dataset.train, ...dataset.heldOut, ...dataset.validation]);
  // A run goes on in the number format that it began with, whatever is faster where it goes on.
  const { ranks } = extras;
  const environment = async () => (fork?.run ?? run)?.readJson('env.json');
  const before = resumeFrom && (await (ranks ? ranks.once(environment) : environment()));
  const dtype = options.dtype === 'auto' ? dtypeOf(before) : options.dtype;
  const loaded = extras.model
    ? undefined
    : await loadModel(
        weights ?? options.model,
        chat,
        { ...options, dtype, threads: threadsOf(options, ranks) },
        extras,
      );
  const own = extras.model ?? loaded!;
  try {
    const model = ranks ? sharedModel(own, ranks) : own;
    if (options.usePeft && !model.lora)
      throw new GrpoError(
        'BAD_COMBINATION',
        'use_peft is true, and the model that was given has no adapters',
        {
          fix: 'load it with them, LanguageModel.load({ ..., lora: { r: 16, alpha: 32, targetModules: null, rslora: false } }), or leave use_peft out',
          value: options.usePeft,
        },
      );
    checkStop(options.stop, model.tokenizer);
    const promptLengths = checkPrompts(model, dataset.train, options.maxCompletionLength);
    checkPrompts(model, [...dataset.heldOut, ...dataset.validation], options.maxCompletionLength);
    check(model, dataset.train);
    const fingerprints: Fingerprints = {
      frozenWeights: loaded?.lora && (await fingerprint(loaded.folder, loaded.config)),
      chatTemplate: chat && model.chatTemplate ? templateFingerprint(model.chatTemplate) : undefined,
    };
    if (resumeFrom) refuseOtherModel(before, fingerprints, loaded?.folder);
    if (run) model.checkSaveable();
    // Nothing was written until here.
    await run?.claim();
    if (run && resumeFrom)
      for (const path of await setAside(run, resumeFrom.state.global_step))
        extras.onNotice?.(`${path} was set aside: the run makes it anew`);
    return {
      model,
      folder: loaded?.folder,
      promptLengths,
      fingerprints,
      dispose: async () => loaded?.dispose(),
    };
  } catch (error) {
    await loaded?.dispose();
    throw error;
  }
}

/** Ranks of one machine share its cores. */
const threadsOf = ({ threads }: StageOptions, ranks: Ranks | undefined): number =>
  threads === 0 && ranks ? Math.max(1, Math.floor(usableCores() / ranks.local)) : threads;

function sharedModel(model: TrainableModel, ranks: Ranks): TrainableModel {
  if ('sumGradients' in model) return rankedModel(model as SummableModel, ranks);
  throw new GrpoError('BAD_COMBINATION', 'several processes can not train the model that was given', {
    fix: 'give a LanguageModel, or start one process alone',
    value: ranks.size,
  });
}

/** The number format that a run of this `env.json` computes in. */
const dtypeOf = (env: Record<string, unknown> | undefined): StageOptions['dtype'] =>
  env?.dtype === 'float32' || env?.dtype === 'bfloat16' ? env.dtype : 'auto';

/** @param chat whether the model will be given conversations */
async function loadModel(
  model: string,
  chat: boolean,
  options: StageOptions,
  { onDownload, onNotice, signal }: TrainExtras,
): Promise<TrainableModel> {
  // Imported here, so that a program with a model of its own needs no addon.
  const { LanguageModel } = await import('../../model/language-model.js');
  const download = {
    ...(onDownload && { onProgress: onDownload }),
    ...(signal && { signal }),
    ...(onNotice && { onNotice }),
  };
  const source = await resolveSource(model, download);
  const lora = loraOf(options);
  if (source.adapter) checkAdapter(source.adapter, lora);
  if (source.adapter && source.adapter.dropout > 0)
    onNotice?.(
      `${source.adapter.folder} was trained with a lora_dropout of ${source.adapter.dropout}; it goes on without dropout, which there is none of here`,
    );
  const { device, memory } = await openDevice(options.device, onNotice);
  await refuseUnfit(source.folder, { beta: 0, ...options, lora }, memory);
  return LanguageModel.load({
    ...options,
    model: source.folder,
    adapter: source.adapter?.folder ?? null,
    base: source.base,
    lora,
    loraSeed: options.seed,
    device,
    chat,
    ...download,
  });
}

/** @returns tokens of the longest prompts, and of others */
function checkPrompts(model: TrainableModel, problems: Problem[], maxCompletionLength: number): number[] {
  const room = model.config.maxPositionEmbeddings - maxCompletionLength;
  return problemsToCheck(problems, room).map(
    (problem) => encodePrompt(model, problem, maxCompletionLength).length,
  );
}
