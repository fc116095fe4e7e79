import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/model/config.js';
import { encodeHeader, locateTensors, readHeader } from '../../../src/model/safetensors.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';

/** A file with the given header and as many bytes of data. */
function write(header: unknown, data = 0, options: { length?: bigint } = {}): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(options.length ?? BigInt(json.length));
  const file = join(temporaryFolder(), 'x.safetensors');
  writeFileSync(file, Buffer.concat([length, json, Buffer.alloc(data)]));
  return file;
}
const entry = (shape: unknown, from: unknown, to: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

describe('a safetensors header', () => {
  it('is read', async () => {
    const file = write(
      { __metadata__: { format: 'pt' }, a: entry([2, 3], 0, 24), b: entry([], 24, 26, 'BF16') },
      26,
    );
    const tensors = await readHeader(file);
    expect(
      tensors.map(({ name, shape, dtype, begin, end }) => ({ name, shape, dtype, size: end - begin })),
    ).toEqual([
      { name: 'a', shape: [2, 3], dtype: 'F32', size: 24 },
      { name: 'b', shape: [], dtype: 'BF16', size: 2 },
    ]);
    expect(tensors[1]!.end).toBe(readFileSync(file).length);
  });

  it('is written as it is read', async () => {
    const tensors = [
      { name: 'a', shape: [2, 3] },
      { name: 'weiß', shape: [5] },
    ];
    const header = encodeHeader(tensors);
    expect(header.length % 8).toBe(0);
    const file = join(temporaryFolder(), 'x.safetensors');
    writeFileSync(file, Buffer.concat([header, Buffer.alloc(44)]));
    const read = await readHeader(file);
    expect(read.map(({ name, shape }) => ({ name, shape }))).toEqual(tensors);
    expect(read[0]!.begin).toBe(header.length);
  });

  it.each<[string, () => string, string]>([
    [
      'an empty file',
      () => {
        const f = write({});
        truncateSync(f, 0);
        return f;
      },
      'SAFETENSORS_INVALID',
    ],
    [
      'a cut length',
      () => {
        const f = write({});
        truncateSync(f, 5);
        return f;
      },
      'SAFETENSORS_INVALID',
    ],
    [
      'a cut header',
      () => {
        const f = write({ a: entry([1], 0, 4) }, 4);
        truncateSync(f, 20);
        return f;
      },
      'SAFETENSORS_INVALID',
    ],
    ['a huge length', () => write({}, 0, { length: 2n ** 64n - 1n }), 'SAFETENSORS_INVALID'],
    ['a length beyond the file', () => write({}, 0, { length: 90_000_000n }), 'SAFETENSORS_INVALID'],
    ['no JSON', () => write('{"a":'), 'SAFETENSORS_INVALID'],
    ['no object', () => write([1, 2]), 'SAFETENSORS_INVALID'],
    [
      'a name twice',
      () =>
        write(
          '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
          8,
        ),
      'SAFETENSORS_INVALID',
    ],
    [
      'a name twice, escaped',
      () =>
        write(
          '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
          8,
        ),
      'SAFETENSORS_INVALID',
    ],
    ['an unknown type', () => write({ a: entry([1], 0, 1, 'I8') }, 1), 'SAFETENSORS_DTYPE'],
    [
      'a type of Object.prototype',
      () => write({ a: entry([1], 0, 1, 'constructor') }, 1),
      'SAFETENSORS_DTYPE',
    ],
    ['an overlap', () => write({ a: entry([2], 0, 8), b: entry([1], 4, 8) }, 8), 'SAFETENSORS_INVALID'],
    ['data beyond the end', () => write({ a: entry([2], 0, 8) }, 7), 'SAFETENSORS_INVALID'],
    ['a size that does not fit the shape', () => write({ a: entry([2], 0, 4) }, 8), 'SAFETENSORS_INVALID'],
    ['a shape that overflows', () => write({ a: entry([2 ** 40, 2 ** 40], 0, 4) }, 8), 'SAFETENSORS_INVALID'],
    ['a negative shape', () => write({ a: entry([-1, -1], 0, 4) }, 8), 'SAFETENSORS_INVALID'],
    ['a broken shape', () => write({ a: entry([0.5, 2], 0, 4) }, 8), 'SAFETENSORS_INVALID'],
    ['negative offsets', () => write({ a: entry([1], -4, 0) }, 8), 'SAFETENSORS_INVALID'],
    ['offsets backwards', () => write({ a: entry([1], 4, 0) }, 8), 'SAFETENSORS_INVALID'],
    ['metadata of numbers', () => write({ __metadata__: { a: 1 } }), 'SAFETENSORS_INVALID'],
    ['no file', () => join(temporaryFolder(), 'none.safetensors'), 'SAFETENSORS_MISSING'],
    ['a folder', () => temporaryFolder(), 'SAFETENSORS_INVALID'],
  ])('refuses %s', async (_what, make, code) => {
    expect(await codeOf(readHeader(make()))).toBe(code);
  });

  it('never fails in another way, whatever the bytes', async () => {
    const file = join(temporaryFolder(), 'x.safetensors');
    const attempt = async (bytes: Uint8Array) => {
      writeFileSync(file, bytes);
      expect(await codeOf(readHeader(file))).toMatch(/^(no error|SAFETENSORS_\w+)$/);
    };
    const good = readFileSync(join(fixtureModel('qwen2-tied'), 'model.safetensors')).subarray(0, 6000);
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), attempt), { numRuns: 100 });
    const change = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(change, (changes) => {
        const bytes = Uint8Array.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        return attempt(bytes);
      }),
      { numRuns: 100 },
    );
    const header = fc.dictionary(
      fc.oneof(fc.string(), fc.constant('__metadata__')),
      fc.oneof(
        fc.jsonValue(),
        fc.record({
          dtype: fc.oneof(fc.constantFrom('F32', 'BF16', 'F16'), fc.jsonValue()),
          shape: fc.oneof(fc.array(fc.oneof(fc.nat(9), fc.double(), fc.integer())), fc.jsonValue()),
          data_offsets: fc.oneof(
            fc.tuple(fc.nat(99), fc.nat(99)),
            fc.tuple(fc.double(), fc.double()),
            fc.jsonValue(),
          ),
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(header, (value) => attempt(readFileSync(write(value, 64)))),
      { numRuns: 200 },
    );
  });
});

describe('the weights of a model', () => {
  it.each(['qwen2-tied', 'qwen2-untied', 'qwen3-tied', 'llama-tied', 'qwen2-tied-bf16-sharded'])(
    'are found: %s',
    async (name) => {
      const folder = fixtureModel(name);
      const tensors = await locateTensors(folder, await readModelConfig(folder));
      expect(tensors[0]!.name).toBe('model.embed_tokens.weight');
      expect(tensors.at(-1)!.name).toBe(name === 'qwen2-untied' ? 'lm_head.weight' : 'model.norm.weight');
      if (name.endsWith('sharded')) expect(new Set(tensors.map(({ file }) => file)).size).toBe(3);
    },
  );

  it('must be those that config.json asks for', async () => {
    const folder = fixtureModel('qwen2-tied');
    const config = await readModelConfig(folder);
    expect(await codeOf(locateTensors(folder, { ...config, numHiddenLayers: 4 }))).toBe(
      'MODEL_TENSORS_MISMATCH',
    );
    expect(await codeOf(locateTensors(folder, { ...config, vocabSize: 97 }))).toBe('MODEL_TENSORS_MISMATCH');
    await expect(locateTensors(folder, { ...config, vocabSize: 97 })).rejects.toThrow(
      /model\.embed_tokens\.weight has the shape \[96, 64\] where config\.json asks for \[97, 64\]/,
    );
    expect(await codeOf(locateTensors(temporaryFolder(), config))).toBe('SAFETENSORS_MISSING');
  });

  it.each([
    '../x.safetensors',
    '/etc/passwd',
    'a/b.safetensors',
    '..',
    'a\\b.safetensors',
    '',
    3,
    null,
    'model.bin',
    'c:x.safetensors',
  ])('are only looked for beside the index: %j', async (shard) => {
    const folder = temporaryFolder();
    const config = await readModelConfig(fixtureModel('qwen2-tied'));
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { a: shard } }));
    expect(await codeOf(locateTensors(folder, config))).toBe('SAFETENSORS_INVALID');
  });

  it('must all be there', async () => {
    const folder = join(temporaryFolder(), 'm');
    cpSync(fixtureModel('qwen2-tied-bf16-sharded'), folder, { recursive: true });
    truncateSync(join(folder, 'model-00002-of-00003.safetensors'), 2000);
    expect(await codeOf(locateTensors(folder, await readModelConfig(folder)))).toBe('SAFETENSORS_INVALID');
  });
});
