/**
 * Jinja programs as transformers runs them: the interpreter is Hugging Face's, and this file gives it the names that
 * transformers gives, and corrects what it computes otherwise than Python. Left out on purpose, since no template
 * of a model needs it: how Python prints booleans and floats, and lengths in code points.
 */
import * as huggingFace from '@huggingface/jinja';

/** The part of the library that is used; its own declarations do not resolve from an ES module. */
interface Jinja {
  Environment: new () => Variables;
  Interpreter: new (variables: Variables) => { run(program: object): { value: unknown } };
  parse(tokens: object): object;
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): object;
}
interface Variables {
  set(name: string, value: unknown): unknown;
}
const jinja = huggingFace as unknown as Jinja;

/** A node of a parsed program; which fields it has depends on its type. */
type Node = Record<string, unknown> & { type: string };

/** Characters of a program, and white space in a row, for which the library's time grows with its square. */
const MOST = 1_000_000;
const MOST_SPACE = 1000;

/** A program that can be run with different variables. */
export class JinjaProgram {
  readonly #program: object;
  /** What programs take for today: the same as long as the process lives, also after midnight. */
  readonly #now = new Date();

  /** @throws {Error} where the text is no program */
  constructor(source: string) {
    // Python's Jinja takes every end of line as \n.
    const text = source.replace(/\r\n?/g, '\n');
    if (text.length > MOST || (text.match(/\s+/g) ?? []).some(({ length }) => length > MOST_SPACE))
      throw new Error(`it has more than ${MOST} characters, or ${MOST_SPACE} of white space in a row`);
    const program = jinja.parse(jinja.tokenize(text, { lstrip_blocks: true, trim_blocks: true }));
    this.#program = asPython(program as Node);
  }

  /** @throws {Error} where the program fails, or raises an exception of its own */
  run(variables: Record<string, unknown>): string {
    const environment = new jinja.Environment();
    for (const [name, value] of Object.entries({ ...globals(this.#now), ...variables }))
      environment.set(name, value);
    return String(new jinja.Interpreter(environment).run(this.#program).value);
  }
}

/** The names that transformers gives to every template, and those that `asPython` needs. */
const globals = (now: Date): Record<string, unknown> => ({
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range,
  strftime_now: (format: string) => strftime(now, format),
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  [own('strip')]: (text: unknown, chars?: string) => strip(text, chars, true, true),
  [own('lstrip')]: (text: unknown, chars?: string) => strip(text, chars, true, false),
  [own('rstrip')]: (text: unknown, chars?: string) => strip(text, chars, false, true),
  [own('==')]: equals,
  [own('!=')]: (a: unknown, b: unknown) => !equals(a, b),
});

/** A name that no template can write. */
const own = (name: string): string => `python ${name}`;

/**
 * Puts calls of the functions above in place of what the library computes otherwise than Python, in all of a program:
 * it strips white space whatever characters `strip` is given, and takes an empty text for equal to `false`.
 */
function asPython(node: Node): Node {
  for (const [key, child] of Object.entries(node)) {
    if (Array.isArray(child)) node[key] = child.map((one: unknown) => (isNode(one) ? asPython(one) : one));
    else if (isNode(child)) node[key] = asPython(child);
  }
  return replaced(node) ?? node;
}

function replaced({ type, ...node }: Node): Node | undefined {
  const { callee, operand, filter, operator } = node as Record<string, Node>;
  if (type === 'CallExpression' && callee!.type === 'MemberExpression' && callee!.computed === false) {
    const { value } = callee!.property as Node;
    if (value === 'strip' || value === 'lstrip' || value === 'rstrip')
      return call(value, [callee!.object, ...(node.args as unknown[])]);
  }
  if (type === 'FilterExpression' && filter!.value === 'trim') return call('strip', [operand]);
  if (type === 'BinaryExpression' && (operator!.value === '==' || operator!.value === '!='))
    return call(operator!.value, [node.left, node.right]);
  return undefined;
}

const call = (name: string, args: unknown[]): Node => ({
  type: 'CallExpression',
  callee: { type: 'Identifier', value: own(name) },
  args,
});

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** White space of Python's `str.isspace`. */
const isSpace = (char: string) => /^[^\S\ufeff]$/.test(char) || '\x1c\x1d\x1e\x1f\x85'.includes(char);

/** Python's `str.strip`, of the beginning and the end or one of them. */
function strip(text: unknown, chars: string | null | undefined, start: boolean, end: boolean): string {
  if (typeof text !== 'string') throw new Error('strip of what is no text');
  const goes = chars === null || chars === undefined ? isSpace : (char: string) => chars.includes(char);
  const all = Array.from(text);
  let [from, to] = [0, all.length];
  while (start && from < to && goes(all[from]!)) from++;
  while (end && to > from && goes(all[to - 1]!)) to--;
  return all.slice(from, to).join('');
}

/** Python's `==` of texts, numbers, booleans and None. */
function equals(a: unknown, b: unknown): boolean {
  const isNumber = (value: unknown) => typeof value === 'number' || typeof value === 'boolean';
  return isNumber(a) && isNumber(b) ? Number(a) === Number(b) : a === b;
}

/** Numbers in a range of Jinja's sandbox. */
const MAX_RANGE = 100_000;

/** Python's `range`, as long as Jinja's sandbox allows. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`a range has at most ${MAX_RANGE} numbers`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/** Python's `strftime` in English, whatever the language of the machine. */
function strftime(date: Date, format: string): string {
  const padded = (value: number) => String(value).padStart(2, '0');
  const named = (part: Intl.DateTimeFormatOptions) => date.toLocaleString('en-US', part);
  const parts: Record<string, () => string> = {
    Y: () => String(date.getFullYear()),
    m: () => padded(date.getMonth() + 1),
    d: () => padded(date.getDate()),
    b: () => named({ month: 'short' }),
    B: () => named({ month: 'long' }),
    a: () => named({ weekday: 'short' }),
    A: () => named({ weekday: 'long' }),
    H: () => padded(date.getHours()),
    M: () => padded(date.getMinutes()),
    S: () => padded(date.getSeconds()),
    '%': () => '%',
  };
  return format.replace(/%(.)/g, (whole, part: string) => parts[part]?.() ?? whole);
}
