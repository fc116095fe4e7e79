/** Presets by name: `train --preset NAME`. */
import { TINY_MODEL } from '../../run/defaults.js';
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import { modelName } from '../../run/folder/names.js';
import { BEYOND, BEYOND_BASE } from './beyond.js';
import { BASE, COMMON, JOURNAL } from './journal.js';
import type { Preset } from './types.js';

export type { Preset } from './types.js';

/** All of them: the journal's, and those that go beyond it. */
export const PRESETS: Preset[] = [...JOURNAL, ...BEYOND];

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

/** Where a preset's outcome is from: the journal reported it, or it was measured here. */
export const outcomeFrom = (preset: Preset): 'journal' | 'measured' =>
  BEYOND.includes(preset) ? 'measured' : 'journal';

/**
 * A preset's options, by their snake_case names.
 * @param model replaces the journal's model
 */
export function presetOptions(name: string, model?: string): Record<string, unknown> {
  const preset = findPreset(name);
  const all = { ...(outcomeFrom(preset) === 'journal' ? BASE : BEYOND_BASE), ...preset.options };
  const chosen = model ?? COMMON.model;
  return {
    ...all,
    model: chosen,
    ...(preset.continues !== undefined && { init_from: defaultRun(chosen, preset.continues) }),
    ...(chosen === TINY_MODEL && {
      learning_rate: Math.min(
        TINY_RULE.rate * (preset.options.learning_rate ?? COMMON.learning_rate),
        TINY_RULE.most,
      ),
    }),
  };
}

/** The default run folder of a preset. */
const defaultRun = (model: string, preset: string): string => `runs/${modelName(model)}-${preset}`;
