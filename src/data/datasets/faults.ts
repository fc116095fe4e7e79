/** The errors of datasets: each names the file, and the line or row, that is wrong. */
import { GrpoError, reasonOf } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';

/** A file that can't be read as what it should be. */
export const fileFault = (path: string, what: string, options: { fix: string; cause?: unknown }): GrpoError =>
  new GrpoError('DATASET_FILE', `${path} ${what}`, { ...options, value: path });

/** @param place of the row, as `Row` has it */
export const rowFault = (place: string, what: string, fix: string): GrpoError =>
  new GrpoError('DATASET_ROW', `${place}: ${what}`, { fix, value: place });

/**
 * A column that isn't there.
 * @param option that names it
 */
export function columnFault(
  path: string,
  column: string,
  columns: readonly string[],
  option: string,
): GrpoError {
  const meant = nearest(column, [...columns]);
  return new GrpoError('DATASET_COLUMN', `${path} has no column ${JSON.stringify(column)} (${option})`, {
    fix: `${meant === undefined ? '' : `did you mean ${meant}? `}${listed(columns)}`,
    value: column,
  });
}

/** The columns that there are, for a message. */
export const listed = (columns: readonly string[]): string =>
  columns.length === 1 ? `its only column is ${columns[0]}` : `its columns are ${columns.join(', ')}`;

/** What reading a file threw, as an error of the dataset. */
export function asFileFault(path: string, error: unknown): GrpoError {
  if (error instanceof GrpoError) return error;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && code.startsWith('Z_'))
    return fileFault(path, `is no whole gzip file: ${reasonOf(error)}`, {
      fix: 'compress it again with gzip, or give it without .gz',
      cause: error,
    });
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return fileFault(path, 'is not UTF-8', {
      fix: 'save it as UTF-8, as with: iconv -f ENCODING -t utf-8',
      cause: error,
    });
  return fileFault(path, `can't be read: ${reasonOf(error)}`, {
    fix: 'check the path and who may read it',
    cause: error,
  });
}
