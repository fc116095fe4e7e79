/** The verdict on a run: whether it learns, in a sentence. A pure function. */
import type { Diagnosed } from '../../run/diagnosis/events.js';
import type { RunData } from './types.js';
import { percent } from '../../common/format.js';

export interface Verdict {
  kind: 'good' | 'unsure' | 'bad';
  text: string;
  because: string;
}

export function verdictOf(run: Pick<RunData, 'evaluations' | 'diagnoses' | 'curves' | 'steps'>): Verdict {
  const { evaluations, diagnoses } = run;
  const wrong = diagnoses.find(({ level, ended }) => level === 'bad' && ended === undefined);
  const first = evaluations[0];
  const last = evaluations.at(-1);
  const moved = first && last && first !== last ? { first, last } : undefined;
  if (moved) {
    const { first, last } = moved;
    const because = `held-out accuracy ${percent(first.accuracy)} at step ${first.step}, ${percent(last.accuracy)} at step ${last.step}`;
    if (last.high < first.low) return { kind: 'bad', text: 'It unlearns', because };
    if (wrong) return troubled(wrong);
    if (last.low > first.high)
      return { kind: 'good', text: 'It learns', because: `${because}; the intervals lie apart` };
    const rises = last.accuracy > first.accuracy;
    return {
      kind: 'unsure',
      text: rises ? 'It may learn' : 'No gain on held-out problems',
      because: `${because}; the intervals overlap`,
    };
  }
  if (wrong) return troubled(wrong);
  const rewards = (run.curves.columns.reward ?? []).filter((value) => value !== null);
  if (rewards.length < 10)
    return { kind: 'unsure', text: 'Too early to tell', because: `${run.steps} steps so far` };
  const tenth = Math.max(1, Math.floor(rewards.length / 10));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [from, to] = [mean(rewards.slice(0, tenth)), mean(rewards.slice(-tenth))];
  const asked = first ? 'were asked only before training' : 'were never asked';
  const because = `the training reward was ${from.toFixed(3)} in the first tenth of the steps and is ${to.toFixed(3)} in the last; held-out problems ${asked}`;
  return to > from
    ? { kind: 'unsure', text: 'The reward rises', because }
    : { kind: 'unsure', text: 'The reward does not rise', because };
}

const troubled = ({ title, evidence }: Diagnosed): Verdict => ({
  kind: 'bad',
  text: `Something is wrong: ${title}`,
  because: evidence,
});
