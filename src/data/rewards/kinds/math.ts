/**
 * `math`: expressions of equal value, and the puzzle Countdown. Only numbers, + - * / ^ and parentheses are
 * evaluated, as exact fractions.
 */
import type { ConstantNode, Fraction, MathNode, OperatorNode, ParenthesisNode } from 'mathjs';
import { z } from 'zod';
import { shown } from '../../../common/errors.js';
import type { Problem } from '../../tasks/task.js';
import { rewardKind } from '../types.js';
import { missingColumn, READING_OPTIONS, readingReward, type Reading } from './reading.js';
import { boxed } from './section.js';

/** Columns that Countdown's numbers are looked for in. */
const NUMBER_COLUMNS = ['nums', 'numbers'];

export const math = rewardKind({
  example: 'math, or math:countdown',
  options: z.strictObject({
    ...READING_OPTIONS,
    form: z.enum(['value', 'countdown']).default('value'),
    numbers: z.string().min(1).optional(),
  }),
  argument: (form) => ({ form }),
  make: async ({ form, numbers, ...options }) => {
    const calculator = await loadCalculator();
    return readingReward(form === 'value' ? equalValue(calculator) : countdown(calculator, numbers), options);
  },
});

/** Right where the completion's expression has the value of the answer's; of other answers, where the texts agree. */
const equalValue = ({ valueOf }: Calculator): Reading => ({
  read: marked,
  compare: (given, answer) => {
    const right = valueOf(afterEquals(marked(answer)));
    if (right === undefined) return withoutSpaces(given) === withoutSpaces(marked(answer));
    return valueOf(afterEquals(given))?.equals(right) ?? false;
  },
  decided: markDecided,
});

/** Right where the completion's expression uses each number of the problem once, and gives its answer. */
const countdown = ({ valueOf, numbersIn }: Calculator, column: string | undefined): Reading => ({
  read: marked,
  compare: (given, answer, problem) => {
    const formula = beforeEquals(given);
    const used = formula.includes('^') ? undefined : numbersIn(formula);
    const wanted = numbersOf(problem, column)?.map((one) => valueOf(one)?.toFraction());
    if (!used || !wanted || used.sort().join() !== wanted.sort().join()) return false;
    const [value, target] = [valueOf(formula), valueOf(answer)];
    return value !== undefined && target !== undefined && value.equals(target);
  },
  decided: markDecided,
  write: () => null,
  unfit: (answer, problem) => {
    if (!numbersOf(problem, column))
      return column === undefined
        ? `it has no list of numbers in a column ${NUMBER_COLUMNS.join(' or ')}`
        : missingColumn(column, problem);
    return valueOf(answer) ? undefined : `its answer ${shown(answer)} is no number`;
  },
});

/** The numbers of a problem, from a column that is a list of them or a text. */
function numbersOf({ columns }: Problem, column: string | undefined): string[] | undefined {
  const names = column === undefined ? NUMBER_COLUMNS : [column];
  const value = names.map((name) => columns?.[name]).find((one) => one !== undefined && one !== null);
  if (value === undefined) return undefined;
  const list = ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value;
  if (Array.isArray(list)) return list.map(String);
  return (typeof list === 'string' ? list : JSON.stringify(list)).match(/\d+(?:\.\d+)?/g) ?? undefined;
}

/** What stands in the first of `\boxed{}` or after `####`, on its line; else the last line that isn't empty. */
function marked(text: string): string {
  const box = boxed(text);
  const hashes = hashesLine(text);
  if (box && !(hashes && hashes.end < box.end)) return box.content.trim();
  if (hashes) return hashes.content.trim();
  const trimmed = text.trimEnd();
  return trimmed.slice(trimmed.lastIndexOf('\n') + 1).trim();
}

/** The rest of the line after the first `####`, which ends before the line break. */
function hashesLine(text: string): { content: string; end: number; whole: boolean } | undefined {
  const at = text.indexOf('####');
  if (at < 0) return undefined;
  const line = text.indexOf('\n', at);
  const end = line < 0 ? text.length : line;
  return { content: text.slice(at + 4, end), end, whole: line >= 0 };
}

function markDecided(text: string): boolean {
  const box = boxed(text);
  const hashes = hashesLine(text);
  return hashes && !(box && box.end <= hashes.end) ? hashes.whole : box !== undefined;
}

const afterEquals = (text: string) => text.slice(text.lastIndexOf('=') + 1);
const beforeEquals = (text: string) => text.split('=', 1)[0]!;
const withoutSpaces = (text: string) => text.replace(/\s+/g, '');

interface Calculator {
  /** The value of an expression; undefined where it is none, or its value is too large. */
  valueOf: (text: string) => Fraction | undefined;
  /** The numbers in an expression, as fractions, in its order; undefined where it is none. */
  numbersIn: (text: string) => string[] | undefined;
}

/** Characters that an expression may have. */
const LONGEST = 300;
/** Bits that a power may have. */
const MOST_BITS = 4096;

let calculator: Promise<Calculator> | undefined;

/** Loads mathjs where it is used: all of it in one file, which takes a tenth of the time that its modules take. */
function loadCalculator(): Promise<Calculator> {
  return (calculator ??= import('mathjs/lib/browser/math.js').then((module) => {
    const { config, parse } = module.default;
    config({ number: 'Fraction' });
    const nodeOf = (text: string): MathNode | undefined => {
      const formula = formulaIn(text);
      try {
        return formula === undefined ? undefined : parse(formula);
      } catch {
        return undefined;
      }
    };
    return {
      valueOf: (text) => {
        try {
          const node = nodeOf(text);
          return node && evaluate(node);
        } catch {
          return undefined; // divided by 0
        }
      },
      numbersIn: (text) => {
        const node = nodeOf(text);
        if (!node) return undefined;
        const numbers: string[] = [];
        node.traverse((one) => {
          if (one.type === 'ConstantNode') numbers.push((one as ConstantNode<Fraction>).value.toFraction());
        });
        return numbers;
      },
    };
  }));
}

/** The value of a parsed expression; undefined where it has anything but numbers, the five operations and parentheses. */
function evaluate(node: MathNode): Fraction | undefined {
  if (node.type === 'ParenthesisNode') return evaluate((node as ParenthesisNode).content);
  if (node.type === 'ConstantNode') return (node as ConstantNode<Fraction>).value;
  if (node.type !== 'OperatorNode') return undefined;
  const { fn, args, implicit } = node as OperatorNode<'+', 'add'> & { implicit?: boolean };
  const [a, b] = args.map(evaluate);
  if (implicit || !a || (args.length === 2 && !b)) return undefined;
  switch (fn as string) {
    case 'unaryMinus':
      return a.neg();
    case 'unaryPlus':
      return a;
    case 'add':
      return a.add(b!);
    case 'subtract':
      return a.sub(b!);
    case 'multiply':
      return a.mul(b!);
    case 'divide':
      return a.div(b!);
    case 'pow':
      return power(a, b!);
    default:
      return undefined;
  }
}

function power(base: Fraction, exponent: Fraction): Fraction | undefined {
  const bits = base.n.toString(2).length + base.d.toString(2).length;
  if (exponent.d !== 1n || exponent.n > BigInt(MOST_BITS) || bits * Number(exponent.n) > MOST_BITS)
    return undefined;
  return base.pow(exponent);
}

/** From how people and LaTeX write formulas to one that can be parsed. */
const PLAIN: readonly [RegExp, string][] = [
  [/\\(?:left|right|displaystyle)(?![a-z])|\\[()[\],!;: ]|[$\u00a0\u2009\u202f]|\{,\}/g, ''],
  [/\\(?:text|mathrm|mbox)\{[^{}]*\}/g, ''],
  [/\\(?:times|cdot)(?![a-z])|[×·∙⋅]/g, '*'],
  [/\\div(?![a-z])|[÷∕]/g, '/'],
  [/[\u2212\u2010\u2011\u2013\ufe63\uff0d]/g, '-'],
  [/(?<=[\d)])\*\*(?=[\d(])|(?<=[\d)] )\*\*(?= [\d(])/g, '^'],
  [/\*\*/g, ''],
  [/(?<=\d),(?=\d{3}(?!\d))/g, ''],
];
const FRACTION = /\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}/g;

/** The formula that a text ends with; undefined where it ends with none, or a long one. */
function formulaIn(text: string): string | undefined {
  if (text.length > 2 * LONGEST) return undefined;
  let plain = PLAIN.reduce((all, [pattern, by]) => all.replace(pattern, by), text);
  for (let before; before !== plain;) plain = (before = plain).replace(FRACTION, '(($1)/($2))');
  plain = plain
    .replaceAll('{', '(')
    .replaceAll('}', ')')
    .replace(/[\s.!]+$/, '');
  let from = plain.length;
  while (from > 0 && /[-\d.+*/^()\s]/.test(plain[from - 1]!)) from--;
  const formula = plain.slice(from).trim();
  return formula === '' || formula.length > LONGEST ? undefined : formula;
}
