import colors from 'picocolors';
import { BASE } from '../../experiments/presets/journal.js';
import { BEYOND_BASE } from '../../experiments/presets/beyond.js';
import { outcomeFrom, TINY_RULE, type Preset } from '../../experiments/presets/index.js';
import { wrapped } from './text.js';

/** The list of presets as text for the terminal. */
export function presetsText(presets: Preset[], width: number): string {
  const column = Math.max(...presets.map(({ name }) => name.length)) + 2;
  const listed = (kind: 'journal' | 'measured') =>
    presets
      .filter((preset) => outcomeFrom(preset) === kind)
      .flatMap(({ name, differs, outcome }) => [
        `${colors.cyan(name.padEnd(column))}${differs}`,
        `${' '.repeat(column)}${colors.dim(`${kind}: ${outcome}`)}`,
      ]);
  const base = `${BASE.train_samples} arithmetic problems to ${BASE.max_operand}, ${BASE.batch_size} completions a step, ${BASE.num_generations} of a prompt, ${BASE.loss_type}, beta ${BASE.beta}, learning rate ${BASE.learning_rate.toExponential()}, temperature ${BASE.temperature}, ${BASE.model}`;
  const { batch_size: batch, num_generations: generations, learning_rate: rate, warmup_steps } = BEYOND_BASE;
  const beyond = `${batch} completions a step, ${generations} of a problem, learning rate ${rate.toExponential()} after ${warmup_steps} steps of warm-up; docs/estimators.md says how`;
  const tiny = `On tiny the learning rate is ${TINY_RULE.rate} times as high, ${TINY_RULE.most} at most.`;
  return [
    'The experiments of the research journal. Unless said otherwise:',
    wrapped(`  ${base}`, width),
    wrapped(`  ${tiny}`, width),
    '',
    ...listed('journal'),
    '',
    'Beyond them: the most probable completions by their exact probabilities, problems that can teach.',
    wrapped(`  ${beyond}`, width),
    '',
    ...listed('measured'),
    '',
    'Run one:        grpo-native train --preset NAME [--model M] [--option value ...]',
    'Its options:    grpo-native presets NAME',
    'Several:        grpo-native sweep --preset NAME --preset NAME',
    '',
  ].join('\n');
}
