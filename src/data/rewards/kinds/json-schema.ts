/** `json_schema`: the completion begins with JSON of a form. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseJson } from '../../../common/json.js';
import { reasonOf, shown } from '../../../common/errors.js';
import { badReward, rewardKind } from '../types.js';
import { READING_OPTIONS, readingReward } from './reading.js';
import { compilePattern } from './regex.js';

/** Characters of JSON that are looked at; checking that items are unique takes the square of their number. */
const LONGEST = 20_000;

export const jsonSchema = rewardKind({
  example: 'json_schema:./schema.json, or {json_schema: {schema: {type: object, required: [name]}}}',
  options: z.strictObject({
    tag: READING_OPTIONS.tag,
    schema: z.union([z.string().min(1), z.record(z.string(), z.unknown())]),
  }),
  argument: (schema) => ({ schema }),
  make: async ({ schema, tag }, { folder }) => {
    const { document, name } =
      typeof schema === 'string'
        ? await readSchema(schema, folder)
        : { document: schema, name: 'the schema' };
    const validate = compileSchema(document, name);
    return readingReward(
      {
        read: (text) => jsonIn(text).json,
        compare: (given) => {
          const value = given.length > LONGEST ? undefined : parseJson(given);
          try {
            return value !== undefined && validate(value);
          } catch {
            return false; // nested deeper than the stack
          }
        },
        decided: (text) => jsonIn(text).decided,
        write: () => null,
      },
      { tag },
    );
  },
});

const FIX =
  'give a JSON schema (draft 7, or 2020-12 where its $schema says so): https://json-schema.org/learn';

async function readSchema(
  path: string,
  folder: string,
): Promise<{ document: Record<string, unknown> | null; name: string }> {
  let text: string;
  try {
    text = await readFile(resolve(folder, path), 'utf8');
  } catch (cause) {
    throw badReward(
      `json_schema: cannot read ${path}: ${reasonOf(cause)}`,
      'give the path of a JSON file',
      path,
      cause,
    );
  }
  try {
    return { document: JSON.parse(text) as Record<string, unknown> | null, name: path };
  } catch (cause) {
    throw badReward(`json_schema: ${path} is no JSON: ${reasonOf(cause)}`, FIX, path, cause);
  }
}

function compileSchema(schema: Record<string, unknown> | null, name: string): ValidateFunction {
  const options = {
    strict: false,
    validateFormats: false,
    logger: false,
    // A pattern that goes back and forth can't hold up the run.
    code: { regExp: Object.assign(linearPattern, { code: 'linearPattern' }) },
  } as const;
  try {
    const validate = new (shown(schema?.$schema).includes('2020-12') ? Ajv2020 : Ajv)(options).compile(
      schema as AnySchema,
    );
    if ('$async' in validate) throw new Error('it is asynchronous');
    return validate;
  } catch (cause) {
    throw badReward(`json_schema: ${name} is no JSON schema: ${reasonOf(cause)}`, FIX, schema, cause);
  }
}

function linearPattern(pattern: string): { test: (text: string) => boolean; code: string } {
  const compiled = compilePattern(pattern, 'json_schema');
  return { test: (text) => compiled.matcher(text).find(), code: pattern };
}

const FENCE = /^\s*```(?:json|JSON)?\s*/;
const BEGUN_FENCE = /^\s*(?:`{1,3}|```(?:js?o?|JS?O?))$/;

/**
 * The JSON that a text begins with, in a code fence or not: an object or a list to the bracket that closes it, or the
 * whole text. `decided`: nothing that is appended changes it.
 */
function jsonIn(text: string): { json: string | undefined; decided: boolean } {
  const body = text.replace(FENCE, '').trimStart();
  if (body === '' || BEGUN_FENCE.test(text)) return { json: undefined, decided: false };
  if (!/^[[{"\-\dtfn]/.test(body)) return { json: undefined, decided: true };
  if (!/^[[{]/.test(body)) return { json: body.trimEnd().replace(/```$/, '').trimEnd(), decided: false };
  let open = 0;
  let quoted = false;
  for (let i = 0; i < Math.min(body.length, LONGEST + 1); i++) {
    const char = body[i]!;
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') open++;
    else if ((char === '}' || char === ']') && --open === 0)
      return { json: body.slice(0, i + 1), decided: true };
  }
  return { json: undefined, decided: body.length > LONGEST };
}
