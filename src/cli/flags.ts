/** Options as command-line flags, and flags back as options. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { GrpoError } from '../common/errors.js';
import { isObject } from '../common/json.js';
import { describeOptions, type OptionInfo } from '../config/describe.js';
import { toKebab } from '../config/names.js';
import { parseYamlValue } from '../config/load.js';

/**
 * For `yargs.options()`: how each flag is read. No flag has a yargs default, so that one that was given can be told
 * from one that was not; nor yargs choices: `resolveConfig` refuses with a better message.
 */
export const yargsOptions = (schema: z.ZodObject): Record<string, Options> =>
  Object.fromEntries(describeOptions(schema).map((option) => [toKebab(option.name), reading(option)]));

function reading({ kinds }: OptionInfo): Options {
  // A flag that may have a value is a text, which is empty where it has none.
  if (kinds.has('boolean')) return { type: kinds.has('string') ? 'string' : 'boolean' };
  // Numbers have no yargs type: it turns what is no number into NaN, and the word that was meant is lost.
  if (kinds.has('number') || kinds.has('integer')) return { requiresArg: true };
  return { type: 'string', requiresArg: true };
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
  if (option.items === 'number' || option.items === 'integer') return parseNumbers(String(value)) ?? value;
  if (typeof value !== 'string') return value;
  // Names that are chosen from hold no comma.
  if (option.choices && option.items === 'string' && value.includes(',')) return value.split(',');
  if (option.kinds.has('boolean') && ['', 'true', 'false'].includes(value)) return value !== 'false';
  if (option.items === 'object') return parseItems(value) ?? value;
  if (option.kinds.has('object') && option.items === undefined)
    return parseNamedNumbers(value) ?? parseObject(value) ?? value;
  return value;
}

/** A list in YAML, or a single item of one. */
function parseItems(text: string): unknown {
  const parsed = parseYamlValue(text);
  return isObject(parsed) ? [parsed] : parsed;
}

/** An object in YAML or JSON, in braces. */
function parseObject(text: string): Record<string, unknown> | undefined {
  const parsed = text.trimStart().startsWith('{') ? parseYamlValue(text) : undefined;
  return isObject(parsed) ? parsed : undefined;
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
