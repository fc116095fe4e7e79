/** Options as command-line flags, and flags back as options. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { GrpoError } from '../common/errors.js';
import { isObject } from '../common/json.js';
import { describeOptions, type OptionInfo } from '../config/describe.js';
import { toKebab } from '../config/names.js';
import { parseYamlValue } from '../config/load.js';
import { GROUPS } from './options.js';

/**
 * For `yargs.options()`. No flag has a yargs default, so that one that was given can be told from one
 * that was not; nor yargs choices: `resolveConfig` refuses with a better message.
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
    // A flag that may have a value is a text, which is empty where it has none.
    return { ...common, type: option.kinds.has('string') ? 'string' : 'boolean' };
  // Numbers have no yargs type: it turns what is no number into NaN, and the word that was meant is lost.
  if (option.kinds.has('number') || option.kinds.has('integer')) return { ...common, requiresArg: true };
  return { ...common, type: 'string', requiresArg: true };
}

function show(value: unknown): string {
  if (typeof value === 'number' && value > 0 && value < 0.001) return value.toExponential();
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The options among what yargs parsed, as `resolveConfig` takes them. */
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

/** A list as it stands in YAML, or one item of it. */
function parseItems(text: string): unknown {
  const parsed = parseYamlValue(text);
  return isObject(parsed) ? [parsed] : parsed;
}

const isNumber = (text: string) => text.trim() !== '' && Number.isFinite(Number(text));

/** `1,0.5`; undefined where it is something else. */
function parseNumbers(text: string): number[] | undefined {
  const parts = text.split(',');
  return parts.every(isNumber) ? parts.map(Number) : undefined;
}

/** `a=2,b=1`; undefined where it is something else. */
function parseNamedNumbers(text: string): Record<string, number> | undefined {
  const numbers: Record<string, number> = {};
  for (const part of text.split(',')) {
    const match = /^\s*([^=:\s]+)\s*[=:](.*)$/.exec(part);
    if (!match || !isNumber(match[2]!)) return undefined;
    numbers[match[1]!] = Number(match[2]);
  }
  return numbers;
}
