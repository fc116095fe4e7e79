/** An error message shows at most this many characters of a value. */
const SHOWN = 120;

/** JSON.stringify with its true type: it returns undefined for undefined, which TypeScript's declaration leaves out. */
const jsonOf = (value: unknown): string | undefined => JSON.stringify(value);

/** A value as an error message shows it: its JSON, shortened if it is long. Never throws, whatever the value is. */
export function shown(value: unknown): string {
  let json: string;
  try {
    json = jsonOf(value) ?? 'nothing';
  } catch {
    // Lists nested thousands of levels deep can be parsed, but overflow the stack in JSON.stringify.
    return 'a value nested too deep to show';
  }
  return json.length <= SHOWN ? json : `${json.slice(0, SHOWN)}... (${json.length} characters)`;
}

/** The message of a library's error, shortened: some repeat the whole input that they reject. */
export function reasonOf(error: unknown): string {
  return cut(error instanceof Error ? error.message : String(error));
}

/** Shortens a text for an error message. */
export function cut(text: string): string {
  return text.length <= 2 * SHOWN ? text : `${text.slice(0, 2 * SHOWN)}...`;
}

/**
 * The one class of error. Whatever can be wrong with options, files, tasks, rewards or the machine is thrown as
 * one of these: the message says what is wrong, `fix` what to do, and programs branch on `code`.
 *
 * @example
 * ```ts
 * import { GrpoError, train } from 'grpo-native';
 *
 * try {
 *   await train({ batchSize: 30, numGenerations: 16 });
 * } catch (error) {
 *   if (!(error instanceof GrpoError)) throw error;
 *   console.error(error.code, error.value, error.fix); // BATCH_SIZE 30 use a batch_size of 16 or 32, ...
 * }
 * ```
 */
export class GrpoError extends Error {
  /** Always `GrpoError`. */
  override readonly name = 'GrpoError';
  /** Stable identifier such as `BATCH_SIZE`; never reworded. The functions of this reference name theirs. */
  readonly code: string;
  /** What to do about it. */
  readonly fix: string;
  /** The value that was refused, where there is one. */
  readonly value: unknown;
  /** Exit status of the command line: 2 for wrong input, 1 for a failure at run time. */
  readonly exitCode: 1 | 2;

  /**
   * @param code stable identifier
   * @param message what is wrong, in one sentence
   * @param options `fix`: what to do about it; `value`: what was refused; `exitCode`: 2 (default) for wrong
   * input, 1 for a failure at run time; `cause`: the error behind it
   */
  constructor(
    code: string,
    message: string,
    options: { fix: string; value?: unknown; exitCode?: 1 | 2; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fix = options.fix;
    this.value = options.value;
    this.exitCode = options.exitCode ?? 2;
  }
}
