/** The command that repeats a run, from its resolved options: as short as it can be. */
import { modelDefaults } from '../../run/defaults.js';
import { describeOptions } from '../../config/describe.js';
import { shellOption } from '../../common/shell.js';
import { toKebab } from '../../config/names.js';
import { SFT, TRAIN } from '../../run/options.js';
import { presetOptions } from '../../experiments/presets/index.js';

type Options = Record<string, unknown>;

/** Where a run is written isn't what it is. */
const ELSEWHERE = ['output_dir', 'resume'];

/** `target_accuracy` is the warm start's alone, `num_generations` GRPO's. */
const commandOf = (config: Options): 'train' | 'sft' =>
  'num_generations' in config || !('target_accuracy' in config) ? 'train' : 'sft';

/** What every option would be if only the model and the preset were given, and the model if only the preset. */
function defaults(config: Options): Options {
  const command = commandOf(config);
  const own = Object.fromEntries(
    describeOptions(command === 'sft' ? SFT : TRAIN).map(({ name, default: value }) => [name, value]),
  );
  const { preset, model } = config;
  const ofPreset = (given?: string): Options => {
    try {
      return typeof preset === 'string' ? presetOptions(preset, given) : {};
    } catch {
      // Of another version, which had it: then every option is told.
      return {};
    }
  };
  return {
    ...own,
    ...modelDefaults(command, model),
    ...ofPreset(model as string),
    model: ofPreset().model ?? own.model,
    preset: null,
  };
}

/** Names of the options that aren't at their defaults, in the order of the file. */
export function chosenOptions(config: Options): string[] {
  const usual = defaults(config);
  return Object.keys(config).filter(
    (name) =>
      !ELSEWHERE.includes(name) && JSON.stringify(config[name]) !== JSON.stringify(usual[name] ?? null),
  );
}

export function repeatCommand(config: Options): string {
  const flags = chosenOptions(config).flatMap((name) => flagsOf(name, config[name]));
  return ['grpo-native', commandOf(config), ...flags].join(' ');
}

function flagsOf(name: string, value: unknown): string[] {
  const flag = toKebab(name);
  const option = (text: string) => shellOption(flag, text);
  if (value === true) return [`--${flag}`];
  if (value === false) return [`--no-${flag}`];
  if (Array.isArray(value)) {
    if (value.every((one) => typeof one === 'string')) return value.map(option);
    if (value.every((one) => typeof one === 'number')) return [option(value.join(','))];
  }
  if (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'number')
  )
    return [
      option(
        Object.entries(value)
          .map(([key, one]) => `${key}=${String(one)}`)
          .join(','),
      ),
    ];
  return [option(typeof value === 'string' ? value : JSON.stringify(value))];
}
