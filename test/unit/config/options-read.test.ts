/** No option is declared that nothing reads. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import * as commands from '../../../src/cli/options.js';
import { toCamel } from '../../../src/config/names.js';
import { packageRoot } from '../../../src/machine/paths.js';
import { SFT, TRAIN } from '../../../src/run/options.js';

/** Files that declare options, or give them values. */
const GIVES = /options\.ts$|defaults\.ts$|[\\/]presets[\\/]/;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;

const code = ['src', 'bench']
  .flatMap((folder) =>
    (readdirSync(join(packageRoot(), folder), { recursive: true }) as string[]).map((file) =>
      join(packageRoot(), folder, file),
    ),
  )
  .filter((file) => file.endsWith('.ts') && !GIVES.test(file))
  .map((file) => readFileSync(file, 'utf8').replace(COMMENT, ''))
  .join('\n');

/** As a property, or taken out of an object. */
const isRead = (option: string): boolean =>
  [option, toCamel(option)].some((name) =>
    new RegExp(String.raw`\.${name}\b|[{,]\s*${name}\s*[,}=:]`).test(code),
  );

const schemas = Object.entries({ ...commands, TRAIN, SFT }).flatMap(([name, schema]) =>
  schema instanceof z.ZodObject ? [[name, schema] as const] : [],
);

it.each(schemas)('every option of %s is read somewhere', (_, { shape }) => {
  expect(Object.keys(shape).filter((option) => !isRead(option))).toEqual([]);
});

it('finds that one is not', () => {
  expect(isRead('an_option_of_nothing')).toBe(false);
});
