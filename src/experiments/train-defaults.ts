/** What a training run is like where nothing else was said. Apart from `train.ts`, so that `--help` loads no trainer. */
import type { Defaults } from '../config/load.js';
import { modelDefaults, TINY_MODEL } from '../run/defaults.js';
import { presetOptions } from './presets/index.js';

/** The options of the preset that was named, over the model's own defaults. */
export const trainDefaults: Defaults = ({ preset, model }) => {
  const named = typeof preset === 'string' ? presetOptions(preset, model as string | undefined) : {};
  return { ...modelDefaults('train', model ?? named.model ?? TINY_MODEL), ...named };
};
