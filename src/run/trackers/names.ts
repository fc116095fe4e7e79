/**
 * Names of metrics at the trackers: those of transformers, so that dashboards made for TRL show these runs
 * too.
 */
import type { Metrics } from '../../grpo/metrics.js';

type Named = [name: string, value: number][];

/** Names for TensorBoard, W&B and trackio: `train/loss`, `train/reward`, `eval/accuracy`, `val/accuracy`. */
export const dashboardNames = (metrics: Metrics): Named =>
  numbers(metrics).map(([name, value]) => [/^(eval|val)\//.test(name) ? name : `train/${name}`, value]);

/** Names for MLflow, where transformers does not change TRL's names: `loss`, `reward`, `eval_accuracy`. */
export const plainNames = (metrics: Metrics): Named =>
  numbers(metrics).map(([name, value]) => [
    // Names of the user's rewards and tasks may contain characters that MLflow refuses.
    name.replace(/^(eval|val)\//, '$1_').replace(/[^0-9A-Za-z_\-. :/]/g, '_'),
    value,
  ]);

/** The finite metrics of a row, without the step, which is their position. */
const numbers = (metrics: Metrics): Named =>
  Object.entries(metrics).filter(([name, value]) => name !== 'step' && Number.isFinite(value)) as Named;
