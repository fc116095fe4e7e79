/** Presets by name: `train --preset NAME`. */
import { TINY_MODEL } from '../../run/defaults.js';
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import { modelName } from '../../run/folder/names.js';
import { BASE, PRESETS, type Preset } from './journal.js';

export { PRESETS, type Preset } from './journal.js';

/**
 * What is different on the embedded model: it is 600 times smaller, and learns at rates that would ruin a
 * real one. Its rate is `RATE` times the preset's, but no more than `MOST`; epochs stay.
 */
export const TINY_RULE = { rate: 100, most: 1e-3 };

/** @throws {GrpoError} PRESET_NOT_FOUND, with the nearest name */
export function findPreset(name: string): Preset {
  const preset = PRESETS.find((one) => one.name === name);
  if (preset) return preset;
  const names = PRESETS.map((one) => one.name);
  const meant = nearest(name, names);
  throw new GrpoError('PRESET_NOT_FOUND', `there is no preset ${shown(name)}`, {
    fix: `${meant ? `did you mean ${meant}? ` : ''}grpo-native presets lists them`,
    value: name,
  });
}

/**
 * A preset's options, by their names in files.
 * @param model in place of the journal's
 */
export function presetOptions(name: string, model?: string): Record<string, unknown> {
  const { options, continues } = findPreset(name);
  const all = { ...BASE, ...options };
  const chosen = model ?? BASE.model;
  return {
    ...all,
    model: chosen,
    ...(continues !== undefined && { init_from: defaultRun(chosen, continues) }),
    ...(chosen === TINY_MODEL && {
      learning_rate: Math.min(TINY_RULE.rate * (options.learning_rate ?? BASE.learning_rate), TINY_RULE.most),
    }),
  };
}

/** Where a preset's run is written when nothing else is said. */
const defaultRun = (model: string, preset: string): string => `runs/${modelName(model)}-${preset}`;
