/** Most characters of a value that a message shows. */
const SHOWN = 120;

/** As the language has it, and TypeScript's declaration doesn't: undefined has no JSON. */
const jsonOf = (value: unknown): string | undefined => JSON.stringify(value);

/** A value as a message shows it: its JSON, cut where it is long. Whatever a file held, this does not fail. */
export function shown(value: unknown): string {
  let json: string;
  try {
    json = jsonOf(value) ?? 'nothing';
  } catch {
    // Lists in lists in lists, by the thousand: they can be read, not written.
    return 'a value nested too deep to show';
  }
  return json.length <= SHOWN ? json : `${json.slice(0, SHOWN)}... (${json.length} characters)`;
}

/** What a library says of input that it can't take, cut where it repeats all of it. */
export function reasonOf(error: unknown): string {
  return cut(error instanceof Error ? error.message : String(error));
}

/** A text as a message shows it. */
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
