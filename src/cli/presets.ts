/** `presets`: the experiments of the research journal, and those that go beyond it, by name. */
import { PRESETS as OPTIONS } from './options.js';
import { listCommand } from './list-command.js';
import { printJsonLine } from './output.js';

export const command = listCommand({
  name: 'presets',
  form: '[NAME ...]',
  describe:
    "List the journal's experiments and those beyond them, with what came of each; with a name, its options",
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
    const { PRESETS, findPreset, presetOptions, outcomeOf } = await import('../experiments/presets/index.js');
    const chosen = names.length > 0 ? names.map(findPreset) : PRESETS;
    const all = chosen.map(({ name, differs, outcome }) => ({
      name,
      differs,
      [outcomeOf(name)]: outcome,
      options: presetOptions(name, model ?? undefined),
    }));
    if (argv.json === true) printJsonLine(all);
    else if (names.length > 0) {
      const { toYaml } = await import('../config/load.js');
      for (const { name, differs, outcome } of chosen)
        process.stdout.write(
          `# ${name}: ${differs}\n# ${outcomeOf(name)}: ${outcome}\n${toYaml(presetOptions(name, model ?? undefined))}\n`,
        );
    } else {
      const { presetsText } = await import('../ui/terminal/presets.js');
      process.stdout.write(presetsText(PRESETS, process.stdout.columns || 100));
    }
  },
});
