/**
 * From a YAML file, flags and defaults to one configuration: flags > file > preset > defaults of the model >
 * defaults. An unknown option or a value out of bounds is an error here, before any work starts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import type { z } from 'zod';
import { nearest } from '../common/nearest.js';
import { GrpoError, cut, reasonOf, shown } from '../common/errors.js';
import { describeOptions } from './describe.js';
import { toKebab, toSnake } from './names.js';

/** Loaded lazily: `--help` needs no YAML and would start later with it. */
const loadYaml = () => createRequire(import.meta.url)('yaml') as typeof Yaml;

/** Options from one place, by their snake_case names. */
export interface Source {
  values: Record<string, unknown>;
  /** How error messages name an option from this source: `--batch-size`, or `runs.yaml:3: batch_size`. */
  label: (name: string) => string;
}

export const flagSource = (values: Record<string, unknown>): Source => ({
  values,
  label: (name) => `--${toKebab(name)}`,
});

export const programSource = (values: Record<string, unknown>): Source => ({ values, label: (name) => name });

/** @throws {GrpoError} CONFIG_MISSING, CONFIG_SYNTAX */
export function readYaml(file: string): Source {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new GrpoError(
      'CONFIG_MISSING',
      `cannot read the configuration ${file}: ${(cause as Error).message}`,
      {
        fix: 'give the path of a YAML file with options, such as config.yaml of a run',
        value: file,
        cause,
      },
    );
  }
  return parseYaml(text, file);
}

/** @param file name of the file, for error messages */
export function parseYaml(text: string, file: string): Source {
  refuseNesting(text, file);
  const { isMap, isScalar, LineCounter, parseDocument } = loadYaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const error = document.errors[0];
  if (error) throw syntaxError(file, lines.linePos(error.pos[0]).line, reasonOf(error));
  const root: Yaml.Node | null = document.contents;
  if (root !== null && !isMap(root)) {
    // A file that holds only comments parses to an empty scalar.
    if (isScalar(root) && root.value === null) return { values: {}, label: (name) => name };
    throw syntaxError(file, lines.linePos(root.range?.[0] ?? 0).line, 'not a list of options');
  }
  const lineOf = new Map<string, number>();
  for (const { key } of root?.items ?? [])
    if (isScalar(key)) lineOf.set(String(key.value), lines.linePos(key.range?.[0] ?? 0).line);
  return {
    values: plainValues(document, file),
    label: (name) => `${file}:${lineOf.get(name) ?? 1}: ${name}`,
  };
}

/** Levels of nesting allowed: far more than any option needs. */
const MAX_NESTING = 100;

/**
 * The YAML parser recurses at each level of nesting. If the stack overflows while V8 compiles a regular
 * expression, V8 ends the process instead of throwing an exception. So an upper bound of the nesting is counted
 * before parsing: brackets still open, in strings and comments too, and the indentation of each line.
 */
function refuseNesting(text: string, file: string): void {
  let open = 0;
  for (const [i, line] of text.split('\n').entries()) {
    const indent = /^[-?: \t]*/.exec(line)![0].length;
    let deepest = open;
    for (const char of line) {
      if (char === '[' || char === '{') deepest = Math.max(deepest, ++open);
      else if (char === ']' || char === '}') open = Math.max(0, open - 1);
    }
    if (deepest > MAX_NESTING || indent > 4 * MAX_NESTING)
      throw syntaxError(file, i + 1, `nested more than ${MAX_NESTING} levels deep`);
  }
}

/** Parses a single YAML value; undefined if it isn't valid YAML. */
export function parseYamlValue(text: string): unknown {
  try {
    return loadYaml().parse(text);
  } catch {
    return undefined;
  }
}

function plainValues(document: Yaml.Document, file: string): Record<string, unknown> {
  try {
    return (document.toJS() ?? {}) as Record<string, unknown>;
  } catch (error) {
    // An alias without its anchor, or aliases that would expand beyond memory (a "billion laughs" file).
    throw syntaxError(file, 1, reasonOf(error));
  }
}

function syntaxError(file: string, line: number, message: string): GrpoError {
  return new GrpoError('CONFIG_SYNTAX', `${file}:${line}: ${message}`, {
    fix: 'write one option a line, as in `batch_size: 64`',
    value: file,
  });
}

/** Default values that depend on the options that were given. */
export type Defaults = (given: Record<string, unknown>) => Record<string, unknown>;

/**
 * @param sources earlier sources take precedence over later ones
 * @param defaults take precedence over the schema's own defaults
 * @throws {GrpoError} UNKNOWN_OPTION, BAD_OPTION
 */
export function resolveConfig<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  sources: Source[],
  defaults: Defaults = () => ({}),
): z.output<z.ZodObject<S>> {
  const options = new Map(describeOptions(schema).map((option) => [option.name, option]));
  const merged: Record<string, unknown> = {};
  const origin = new Map<string, Source>();
  for (const source of sources) {
    for (const [name, value] of Object.entries(source.values)) {
      if (value === undefined) continue;
      if (!options.has(name)) throw unknownOption(name, source.label(name), [...options.keys()]);
      if (origin.has(name)) continue;
      origin.set(name, source);
      merged[name] = value;
    }
  }
  const parsed = schema.safeParse({ ...defaults(merged), ...merged });
  if (parsed.success) return parsed.data;
  const name = String(parsed.error.issues[0]!.path[0]);
  throw badOption(
    origin.get(name)?.label(name) ?? name,
    merged[name],
    options.get(name)?.allowed ?? 'something else',
  );
}

function unknownOption(name: string, label: string, known: string[]): GrpoError {
  const close = nearest(toSnake(name), known);
  const shown = label.startsWith('--')
    ? (option: string) => `--${toKebab(option)}`
    : (option: string) => option;
  return new GrpoError('UNKNOWN_OPTION', `${cut(label)} is not an option`, {
    fix: close ? `did you mean ${shown(close)}?` : `the options are ${known.map(shown).join(', ')}`,
    value: name,
  });
}

function badOption(label: string, value: unknown, allowed: string): GrpoError {
  const message =
    value === undefined
      ? `${label} is missing`
      : `${label} is ${typeof value === 'number' ? value : shown(value)}`;
  return new GrpoError('BAD_OPTION', message, { fix: `it must be ${allowed}`, value });
}

/** The text of `config.yaml`: every option with its value. */
export function toYaml(config: Record<string, unknown>): string {
  return loadYaml().stringify(config, { lineWidth: 0 });
}

/** Throws for a flag that isn't in `known`, and suggests the nearest name. Used in place of yargs' `strict`. */
export function refuseUnknownFlags(argv: Record<string, unknown>, known: string[]): void {
  const names = [...known.map(toSnake), 'help', 'version'];
  for (const key of Object.keys(argv)) {
    if (['_', '$0', 'h'].includes(key) || names.includes(toSnake(key))) continue;
    throw unknownOption(key, `--${toKebab(key)}`, names);
  }
}
