/** A checkpoint's weights and moments, back in a model. */
import { join } from 'node:path';
import type { TrainableModel } from '../../model/trainable.js';
import { OPTIMIZER_FILE, type Checkpoint } from './checkpoints.js';

/** Weights, then moments, of a checkpoint. The reference must be frozen before. */
export async function restore(model: TrainableModel, { path, state }: Checkpoint): Promise<void> {
  await model.loadWeights(path);
  await model.loadOptimizer(join(path, OPTIMIZER_FILE), state.global_step);
}
