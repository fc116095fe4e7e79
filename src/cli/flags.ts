/** Options as command-line flags, and flags back as options. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { GrpoError } from '../common/errors.js';
import { describeOptions, type OptionInfo } from '../config/describe.js';
import { toKebab } from '../config/names.js';
import { parseYamlValue } from '../config/load.js';
import { GROUPS } from './options.js';

/**
 * Options for `yargs.options()`. They have no yargs default, so that flags that were given can be told from
 * those that were not, and no yargs choices, since `resolveConfig` has better error messages.
 */
export function yargsOptions(
  schema: z.ZodObject,
  defaults: Record<string, unknown> = {},
): Record<string, Options> {
  return Object.fromEntries(
    describeOptions(schema).map((option) => [toKebab(option.name), flag(option, defaults[option.name])]),
  );
}

function flag(option: OptionInfo, tinyDefault: unknown): Options {
  const choices = option.choices ? ` [${option.choices.join(', ')}]` : '';
  const group = Object.keys(GROUPS).find((heading) => option.name in GROUPS[heading]!);
  const common: Options = { description: option.description + choices, ...(group && { group: `${group}:` }) };
  if (option.default !== undefined && option.default !== null && option.default !== false)
    common.defaultDescription =
      show(option.default) + (tinyDefault === undefined ? '' : `; tiny: ${show(tinyDefault)}`);
  if (option.kinds.has('boolean'))
    // A flag with an optional value is a string for yargs, empty if no value is given.
    return { ...common, type: option.kinds.has('string') ? 'string' : 'boolean' };
  // Not yargs' type number: it would turn other words into NaN, and the error could not show the word.
  if (option.kinds.has('number') || option.kinds.has('integer')) return { ...common, requiresArg: true };
  return { ...common, type: 'string', requiresArg: true };
}

function show(value: unknown): string {
  if (typeof value === 'number' && value > 0 && value < 0.001) return value.toExponential();
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The schema's options from what yargs parsed, for `resolveConfig`. */
export function fromFlags(schema: z.ZodObject, argv: Record<string, unknown>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const option of describeOptions(schema)) {
    const value = argv[toKebab(option.name)];
    if (value !== undefined) given[option.name] = fromFlag(option, value);
  }
  return given;
}

function fromFlag(option: OptionInfo, value: unknown): unknown {
  if (Array.isArray(value)) {
    if (option.items !== undefined) return value.flatMap((one) => fromFlag(option, one));
    throw new GrpoError('BAD_OPTION', `--${toKebab(option.name)} was given ${value.length} times`, {
      fix: `give --${toKebab(option.name)} once`,
      value,
    });
  }
  if (value === 'null' && option.kinds.has('null')) return null;
  if (option.items === 'number') return parseNumbers(String(value)) ?? value;
  if (typeof value !== 'string') return value;
  if (option.kinds.has('boolean') && ['', 'true', 'false'].includes(value)) return value !== 'false';
  if (option.items === 'object') return parseItems(value) ?? value;
  if (option.kinds.has('object')) return parseNamedNumbers(value) ?? value;
  return value;
}

/** A list in YAML, or a single item of one. */
function parseItems(text: string): unknown {
  const parsed = parseYamlValue(text);
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? [parsed] : parsed;
}

const isNumber = (text: string) => text.trim() !== '' && Number.isFinite(Number(text));

/** Parses `1,0.5`; undefined if the text has another form. */
function parseNumbers(text: string): number[] | undefined {
  const parts = text.split(',');
  return parts.every(isNumber) ? parts.map(Number) : undefined;
}

/** Parses `a=2,b=1`; undefined if the text has another form. */
function parseNamedNumbers(text: string): Record<string, number> | undefined {
  const numbers: Record<string, number> = {};
  for (const part of text.split(',')) {
    const match = /^\s*([^=:\s]+)\s*[=:](.*)$/.exec(part);
    if (!match || !isNumber(match[2]!)) return undefined;
    numbers[match[1]!] = Number(match[2]);
  }
  return numbers;
}
