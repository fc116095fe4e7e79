import colors from 'picocolors';
import { BASE } from '../../experiments/presets/journal.js';
import { BEYOND_BASE } from '../../experiments/presets/beyond.js';
import { PUBLISHED_BASE } from '../../experiments/presets/published.js';
import { outcomes, PRESET_GROUPS, TINY_RULE } from '../../experiments/presets/index.js';
import { wrapped } from './text.js';

type Group = (typeof PRESET_GROUPS)[number];

/** The list of presets as text for the terminal. */
export function presetsText(width: number): string {
  const names = PRESET_GROUPS.flatMap(({ presets }) => presets.map(({ name }) => name));
  const column = Math.max(...names.map((name) => name.length)) + 2;
  const groups = PRESET_GROUPS.flatMap((group) => [
    ...INTRODUCTIONS[group.name].map((line) => wrapped(line, width)),
    '',
    ...group.presets.flatMap((preset) => [
      `${colors.cyan(preset.name.padEnd(column))}${preset.differs}`,
      ...Object.entries(outcomes(preset)).map(
        ([who, what]) => `${' '.repeat(column)}${colors.dim(`${who}: ${what}`)}`,
      ),
    ]),
    '',
  ]);
  return [
    ...groups,
    'Run one:        grpo-native train --preset NAME [--model M] [--option value ...]',
    'Its options:    grpo-native presets NAME',
    'Several:        grpo-native sweep --preset NAME --preset NAME',
    '',
  ].join('\n');
}

const rate = ({ learning_rate }: { learning_rate: number }) =>
  `learning rate ${learning_rate.toExponential()}`;

/** What the presets of a group have in common. */
const INTRODUCTIONS: Record<Group['name'], string[]> = {
  journal: [
    'The experiments of the research journal. Unless said otherwise:',
    `  ${BASE.train_samples} arithmetic problems to ${BASE.max_operand}, ${BASE.batch_size} completions a step, ${BASE.num_generations} of a prompt, ${BASE.loss_type}, beta ${BASE.beta}, ${rate(BASE)}, temperature ${BASE.temperature}, ${BASE.model}`,
    `  On tiny the learning rate is ${TINY_RULE.rate} times as high, ${TINY_RULE.most} at most.`,
  ],
  beyond: [
    'Beyond them: the most probable completions by their exact probabilities, problems that can teach.',
    `  ${BEYOND_BASE.batch_size} completions a step, ${BEYOND_BASE.num_generations} of a problem, ${rate(BEYOND_BASE)} after ${BEYOND_BASE.warmup_steps} steps of warm-up; docs/estimators.md says how`,
  ],
  published: [
    'Recipes that others publish, and jobs like your own: chat, with data of the hub or of a script in examples/recipes.',
    `  ${PUBLISHED_BASE.model}, beta ${PUBLISHED_BASE.beta}, ${rate(PUBLISHED_BASE)}, temperature ${PUBLISHED_BASE.temperature}; short answers by the means of those beyond the journal`,
  ],
};
