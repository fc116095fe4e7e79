/** The estimators by name (option `estimator`). To add one: a file of the same form, and its line here. */
import { counts } from './counts.js';
import { exact } from './exact.js';
import { raoBlackwell } from './rao-blackwell.js';
import type { Estimator, EstimatorName } from './types.js';

const ESTIMATOR_OF: Record<EstimatorName, Estimator> = {
  counts,
  exact,
  rao_blackwell: raoBlackwell,
};

/** The estimator that `name` names. */
export const estimatorOf = (name: EstimatorName): Estimator => ESTIMATOR_OF[name];
