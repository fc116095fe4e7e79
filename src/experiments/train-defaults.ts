/** Defaults of a training run. Separate from `train.ts`, so that `--help` doesn't load the trainer. */
import type { Defaults } from '../config/load.js';
import { datasetDefaults } from '../data/options.js';
import { modelDefaults, TINY_MODEL } from '../run/defaults.js';
import { presetOptions } from './presets/index.js';

/** The named preset's options, which override the defaults of the model; a dataset takes the place of its task. */
export const trainDefaults: Defaults = (given) => {
  const { preset, model } = given;
  const named = typeof preset === 'string' ? presetOptions(preset, model as string | undefined) : {};
  const instead = datasetDefaults(given);
  return {
    ...modelDefaults('train', model ?? named.model ?? TINY_MODEL),
    ...named,
    ...instead,
    ...('task' in instead && { curriculum: null }),
  };
};
