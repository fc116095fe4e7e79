/** The shortest command that repeats a run, derived from its resolved options. */
import { modelDefaults } from '../../run/defaults.js';
import { describeOptions } from '../../config/describe.js';
import { shellOption } from '../../common/shell.js';
import { toKebab } from '../../config/names.js';
import { SFT, TRAIN } from '../../run/options.js';
import { presetOptions } from '../../experiments/presets/index.js';

type Options = Record<string, unknown>;

/** Options that say where a run is written, and are not part of the command. */
const OUTPUT_OPTIONS = ['output_dir', 'resume'];

/** Only `sft` has the option `target_accuracy`, only `train` has `num_generations`. */
const commandOf = (config: Options): 'train' | 'sft' =>
  'num_generations' in config || !('target_accuracy' in config) ? 'train' : 'sft';

/** Default of every option given the run's model and preset; of the model itself, given the preset. */
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
      // A preset that this version doesn't have: then all options are listed.
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

/** Names of options that differ from their defaults, in the order of `config.yaml`. */
export function chosenOptions(config: Options): string[] {
  const usual = defaults(config);
  return Object.keys(config).filter(
    (name) =>
      !OUTPUT_OPTIONS.includes(name) && JSON.stringify(config[name]) !== JSON.stringify(usual[name] ?? null),
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
