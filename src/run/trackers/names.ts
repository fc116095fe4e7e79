/** Metrics as transformers names them in each tracker, so that dashboards made for TRL show these runs too. */
import type { Metrics } from '../../grpo/metrics.js';

type Named = [name: string, value: number][];

/** TensorBoard, W&B and trackio: `train/loss`, `train/reward`, `eval/accuracy`. */
export const dashboardNames = (metrics: Metrics): Named =>
  numbers(metrics).map(([name, value]) => [name.startsWith('eval/') ? name : `train/${name}`, value]);

/** MLflow, where transformers leaves TRL's names alone: `loss`, `reward`, `eval_accuracy`. */
export const plainNames = (metrics: Metrics): Named =>
  numbers(metrics).map(([name, value]) => [
    // A name of the user's own may hold what MLflow refuses.
    name.replace(/^eval\//, 'eval_').replace(/[^0-9A-Za-z_\-. :/]/g, '_'),
    value,
  ]);

/** The step is where they are drawn, not one of them. */
const numbers = (metrics: Metrics): Named =>
  Object.entries(metrics).filter(([name, value]) => name !== 'step' && Number.isFinite(value)) as Named;
