/** What values an option takes, derived from its zod declaration: in words for messages, as types for flags. */
import { z } from 'zod';

type Kind = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object' | 'null';

/** The parts of JSON Schema that the declarations in `options.ts` give rise to. */
interface JsonSchema extends Omit<Form, 'type'> {
  /** Several for what may be null and has no bounds. */
  type?: Kind | Kind[];
}

/** One of what an option may be. */
interface Form {
  type?: Kind;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  default?: unknown;
  description?: string;
  allowed?: string;
}

export interface OptionInfo {
  name: string;
  description: string;
  /** Undefined: the option must be given. */
  default: unknown;
  /** Such as `a whole number of at least 2`. */
  allowed: string;
  choices: string[] | undefined;
  /** What it may hold; more than one for `null` and for lists. */
  kinds: Set<Kind>;
  /** Of what a list is one. */
  items: Kind | undefined;
}

const cache = new WeakMap<z.ZodObject, OptionInfo[]>();

/** The options of a schema, in the order of their declaration. */
export function describeOptions(schema: z.ZodObject): OptionInfo[] {
  let options = cache.get(schema);
  if (!options) {
    const { properties } = z.toJSONSchema(schema, { io: 'input' }) as {
      properties: Record<string, JsonSchema>;
    };
    options = Object.entries(properties).map(([name, option]) => describeOption(name, option));
    cache.set(schema, options);
  }
  return options;
}

function describeOption(name: string, option: JsonSchema): OptionInfo {
  const forms = formsOf(option);
  return {
    name,
    description: option.description ?? '',
    default: option.default,
    allowed: option.allowed ?? forms.map(allowedForm).join(' or '),
    choices: forms.find((form) => form.enum)?.enum,
    kinds: new Set(forms.map(({ type }) => type).filter((type) => type !== undefined)),
    items: itemsOf(forms.find(({ type }) => type === 'array')),
  };
}

/** The type of a list's items; a text, where they may be one. */
function itemsOf(list: Form | undefined): Kind | undefined {
  const kinds = list?.items && formsOf(list.items).map(({ type }) => type);
  return kinds?.includes('string') ? 'string' : kinds?.[0];
}

/** A union may be made of unions, as one that may also be null is. */
const formsOf = ({ type, ...option }: JsonSchema): Form[] =>
  option.anyOf?.flatMap(formsOf) ??
  (type === undefined ? [option] : [type].flat().map((one) => ({ ...option, type: one })));

function allowedForm(form: Form): string {
  if (form.enum) return form.enum.join(', ').replace(/, ([^,]*)$/, ' or $1');
  const words: Record<Kind, string> = {
    integer: `a whole number${bounds(form)}`,
    number: `a number${bounds(form)}`,
    boolean: 'true or false',
    string: 'a text',
    array: form.items?.type === 'number' ? 'a list of numbers, such as 1,0.5' : 'a list of texts',
    object: 'names with numbers above 0, such as arithmetic=2,counting=1,',
    null: 'null',
  };
  return words[form.type ?? 'string'];
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  // zod bounds integers by what a double represents exactly; that bound isn't worth showing.
  const low = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  const parts = [
    low === undefined ? '' : `of at least ${low}`,
    exclusiveMinimum === undefined ? '' : `above ${exclusiveMinimum}`,
    high === undefined ? '' : `of at most ${high}`,
    exclusiveMaximum === undefined ? '' : `below ${exclusiveMaximum}`,
  ].filter(Boolean);
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}
