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
 * The one error class of the project. Everything that can be wrong with what a user gave
 * us is thrown as one of these, so that the command line can print the problem and the
 * remedy on two lines, and a program can branch on `code`.
 */
export class GrpoError extends Error {
  override readonly name = 'GrpoError';
  /** Stable identifier such as `BATCH_SIZE`; never reworded. */
  readonly code: string;
  /** One sentence: what the user does about it. */
  readonly fix: string;
  /** The offending value, where there is one. */
  readonly value: unknown;
  /** Process exit status: 2 for bad usage or input, 1 for a failure at run time. */
  readonly exitCode: 1 | 2;

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
