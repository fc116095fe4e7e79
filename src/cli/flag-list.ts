/** The options of a command as people read them: in `--help`, and in docs/cli.md. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { describeOptions, type OptionInfo } from '../config/describe.js';
import { toKebab } from '../config/names.js';
import { GROUPS } from './options.js';

/** What a command tells of itself. */
export interface Help {
  /** As it is typed, without its options: `train [config.yaml]`. */
  form: string;
  describe: string;
  /** Declarations of its options. */
  schemas: z.ZodObject[];
  /** Defaults of the embedded model, where they differ. */
  tinyDefaults?: Record<string, unknown> | undefined;
  /** Flags beside those that are declared. */
  extra: Record<string, Options>;
  /** Names of the options that `--help` shows; the others wait for `--help all`. Undefined: it shows each. */
  first?: readonly string[] | undefined;
  examples: [line: string, what: string][];
}

/** A command's module, as `main.ts` loads it. */
export interface Helpful {
  help: () => Help;
}

export interface Flag {
  /** Without its dashes. */
  name: string;
  alias?: string;
  group: string;
  description: string;
  choices?: string[] | undefined;
  /** In words. Undefined for a flag that is given or not. */
  allowed?: string;
  /** As it is written; undefined where there is none. */
  default?: string | undefined;
  tinyDefault?: string | undefined;
}

/** Of what belongs under no other heading. */
const OTHERS = 'Output';

export const declaredFlags = (
  schema: z.ZodObject,
  tinyDefaults: Record<string, unknown> | undefined = {},
): Flag[] => describeOptions(schema).map((option) => declared(option, tinyDefaults[option.name]));

export const extraFlags = (extra: Record<string, Options>): Flag[] =>
  Object.entries(extra).map(([name, { describe, group, type, alias }]) => ({
    name,
    group: group ?? OTHERS,
    description: describe || '',
    ...(typeof alias === 'string' && { alias }),
    ...(type === 'string' && { allowed: 'a text' }),
  }));

/** By their headings, in the order of the first flag under each; what belongs under none comes last. */
export function grouped(flags: Flag[]): Map<string, Flag[]> {
  const groups = new Map<string, Flag[]>();
  for (const flag of flags) groups.set(flag.group, [...(groups.get(flag.group) ?? []), flag]);
  const others = groups.get(OTHERS);
  if (others && groups.delete(OTHERS)) groups.set(OTHERS, others);
  return groups;
}

function declared(option: OptionInfo, tinyDefault: unknown): Flag {
  return {
    name: toKebab(option.name),
    group: Object.keys(GROUPS).find((heading) => option.name in GROUPS[heading]!) ?? OTHERS,
    description: option.description,
    choices: option.choices,
    allowed: option.allowed,
    default: written(option.default),
    tinyDefault: written(tinyDefault),
  };
}

function written(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value > 0 && value < 0.001) return value.toExponential();
  return typeof value === 'string' ? value : JSON.stringify(value);
}
