/** `presets`: the experiments of the research journal, those that go beyond it, and published recipes, by name. */
import type { Preset } from '../experiments/presets/types.js';
import { PRESETS as OPTIONS } from './options.js';
import { listCommand } from './list-command.js';
import { printJsonLine } from './output.js';

export const command = listCommand({
  name: 'presets',
  form: '[NAME ...]',
  describe:
    "List the journal's experiments, those beyond them and published recipes, with what came of each; with a name, its options",
  schema: OPTIONS,
  extra: {
    json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' },
  },
  examples: [
    ['grpo-native presets', 'All of them'],
    ['grpo-native presets mixed --model tiny', 'Its options on the embedded model, as YAML'],
    ['grpo-native train --preset mixed --model Qwen/Qwen2.5-0.5B --seed 7', 'Runs one, with other options'],
  ],
  run: async ({ model }, names, argv) => {
    const { PRESETS, findPreset, outcomes, presetOptions } = await import('../experiments/presets/index.js');
    const chosen = names.length > 0 ? names.map(findPreset) : PRESETS;
    const optionsOf = ({ name }: Preset) => presetOptions(name, model ?? undefined);
    if (argv.json === true)
      printJsonLine(
        chosen.map((preset) => ({
          name: preset.name,
          differs: preset.differs,
          ...outcomes(preset),
          options: optionsOf(preset),
        })),
      );
    else if (names.length > 0) {
      const { toYaml } = await import('../config/load.js');
      for (const preset of chosen) {
        const said = { [preset.name]: preset.differs, ...outcomes(preset) };
        const head = Object.entries(said).map(([who, what]) => `# ${who}: ${what}\n`);
        process.stdout.write(`${head.join('')}${toYaml(optionsOf(preset))}\n`);
      }
    } else {
      const { presetsText } = await import('../ui/terminal/presets.js');
      process.stdout.write(presetsText(process.stdout.columns || 100));
    }
  },
});
