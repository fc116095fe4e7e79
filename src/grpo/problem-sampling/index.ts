/** The choice of problems by name (option `problem_sampling`). */
import { permutation, type Batches } from '../batches.js';
import { drawWeighted, learnability, updated } from './posterior.js';
import type { History, ProblemMemory, ProblemSampler, ProblemSampling } from './types.js';

interface ProblemOptions {
  problemSampling: ProblemSampling;
  problemHalfLife: number;
  seed: number;
}

/** @param memory of the checkpoint that the run goes on from */
export function problemSampler(
  options: ProblemOptions,
  batches: Batches,
  memory: ProblemMemory | undefined,
): ProblemSampler {
  const { problemSampling, problemHalfLife: halfLife, seed } = options;
  // Of each problem that was sampled for; undefined where nothing is kept of it.
  const histories = new Map<number, History | undefined>(
    memory?.seen.map(({ position, history }) => [position, history]),
  );
  const drawn = { ...(memory?.drawn ?? { run: 0, stage: 0 }) };
  let stage = memory?.stage ?? 0;

  const CHOICES: Record<ProblemSampling, ProblemSampler['choose']> = {
    uniform: (step) => batches.prompts(step - 1),
    posterior(step, count) {
      const candidates = batches.candidates(step - 1);
      const weights = candidates.map((position) => learnability(histories.get(position), step, halfLife));
      return drawWeighted(weights, count, `problems, seed ${seed}, step ${step}`).map(
        (item) => candidates[item]!,
      );
    },
    // The order of `uniform`, gone on in as far as each step needs.
    dynamic(step, count) {
      const candidates = batches.candidates(step - 1);
      const size = candidates.length;
      const passOf = (place: number) => Math.floor(place / size);
      const first = passOf(drawn.stage);
      const last = passOf(drawn.stage + count - 1);
      const order = Array.from({ length: last - first + 1 }, (_, i) =>
        permutation(size, seed, first + i),
      ).flat();
      const from = drawn.stage - first * size;
      return order.slice(from, from + count).map((item) => candidates[item]!);
    },
  };

  return {
    choose(step, count) {
      if (batches.stage(step - 1) !== stage) {
        stage = batches.stage(step - 1);
        drawn.stage = 0;
      }
      const positions = CHOICES[problemSampling](step, count);
      drawn.run += positions.length;
      drawn.stage += positions.length;
      for (const position of positions) if (!histories.has(position)) histories.set(position, undefined);
      return positions;
    },
    observe(step, positions, knowledge) {
      if (problemSampling !== 'posterior') return;
      positions.forEach((position, i) => {
        histories.set(position, updated(histories.get(position), step, knowledge[i]!, halfLife));
      });
    },
    ...(problemSampling === 'dynamic' && {
      epoch: () => drawn.run / batches.candidates(0).length,
    }),
    seen(step) {
      const different = new Set(batches.candidates(step - 1));
      return [...different].filter((position) => histories.has(position)).length / different.size;
    },
    remember: () => ({
      drawn: { ...drawn },
      stage,
      seen: [...histories].map(([position, history]) => ({ position, ...(history && { history }) })),
    }),
  };
}
