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
