/** Defaults of a training run. Separate from `train.ts`, so that `--help` doesn't load the trainer. */
import type { Defaults } from '../config/load.js';
import { modelDefaults, TINY_MODEL } from '../run/defaults.js';
import { presetOptions } from './presets/index.js';

/** The named preset's options, which override the defaults of the model. */
export const trainDefaults: Defaults = ({ preset, model }) => {
  const named = typeof preset === 'string' ? presetOptions(preset, model as string | undefined) : {};
  return { ...modelDefaults('train', model ?? named.model ?? TINY_MODEL), ...named };
};
