/** Errors of a model's configuration, with the same wording everywhere. */
import { GrpoError, shown } from '../common/errors.js';

export function unsupported(where: string, field: string, found: unknown, supported: string): GrpoError {
  return new GrpoError('MODEL_CONFIG_UNSUPPORTED', `${where}: ${field} ${shown(found)} is not supported`, {
    fix: `use a model with ${field} ${supported}`,
    value: found,
  });
}

export function invalid(where: string, field: string, problem: string, value: unknown): GrpoError {
  return new GrpoError('MODEL_CONFIG_INVALID', `${where}: ${field} ${problem}`, {
    fix: 'fetch config.json again, or correct the field; it must belong to the weights beside it',
    value,
  });
}
