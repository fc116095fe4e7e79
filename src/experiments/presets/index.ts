/** Presets by name: `train --preset NAME`. */
import { TINY_MODEL } from '../../run/defaults.js';
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import { modelName } from '../../run/folder/names.js';
import { BEYOND, BEYOND_BASE } from './beyond.js';
import { BASE, JOURNAL } from './journal.js';
import { PUBLISHED, PUBLISHED_BASE } from './published.js';
import type { Preset } from './types.js';

export type { Preset } from './types.js';

interface PresetGroup {
  name: 'journal' | 'beyond' | 'published';
  presets: readonly Preset[];
  /** The options of all of them. */
  base: Preset['options'] & { model: string; learning_rate: number };
}

/** The journal's experiments, those that go beyond them, and other people's recipes. */
export const PRESET_GROUPS: readonly PresetGroup[] = [
  { name: 'journal', presets: JOURNAL, base: BASE },
  { name: 'beyond', presets: BEYOND, base: BEYOND_BASE },
  { name: 'published', presets: PUBLISHED, base: PUBLISHED_BASE },
];

/** All of them. */
export const PRESETS: readonly Preset[] = PRESET_GROUPS.flatMap(({ presets }) => presets);

/**
 * Learning rates on the embedded model, which is 600 times smaller and needs rates that would ruin a real
 * model: `rate` times the preset's, and at most `most`. The number of epochs stays the same.
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

const groupOf = (preset: Preset): PresetGroup =>
  PRESET_GROUPS.find(({ presets }) => presets.includes(preset))!;

/** What came of a preset, by who says so: the journal, whoever published it, or a measurement here. */
export function outcomes(preset: Preset): Record<string, string> {
  const { reported, measured } = preset;
  return { ...(reported && { [groupOf(preset).name]: reported }), ...(measured && { measured }) };
}

/**
 * A preset's options, by their snake_case names.
 * @param model replaces the preset's model
 */
export function presetOptions(name: string, model?: string): Record<string, unknown> {
  const preset = findPreset(name);
  const { base } = groupOf(preset);
  const all = { ...base, ...preset.options };
  const chosen = model ?? preset.options.model ?? base.model;
  const rate = preset.options.learning_rate ?? base.learning_rate;
  return {
    ...all,
    model: chosen,
    ...(preset.continues !== undefined && { init_from: defaultRun(chosen, preset.continues) }),
    ...(chosen === TINY_MODEL && {
      learning_rate: Math.min(TINY_RULE.rate * rate, TINY_RULE.most),
    }),
  };
}

/** The default run folder of a preset. */
const defaultRun = (model: string, preset: string): string => `runs/${modelName(model)}-${preset}`;
