import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GGMLQuantizationType, gguf, type GGUFParseOutput } from '@huggingface/gguf';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/machine/paths.js';
import { exportGguf } from '../../../src/model/gguf/export.js';
import { GGUF_DTYPES, narrow, widen } from '../../../src/model/gguf/numbers.js';
import { interleave } from '../../../src/model/gguf/tensors.js';
import { codeOf, fixtureModel, fixtures, modelWith, temporaryFolder } from '../../support/fixtures.js';

const TINY = join(packageRoot(), 'models', 'tiny');

describe('numbers', () => {
  const reference = JSON.parse(readFileSync(join(fixtures, 'gguf-numbers.json'), 'utf8')) as Record<
    string,
    string
  >;
  const bytesOf = (name: string) => Uint8Array.from(Buffer.from(reference[name]!, 'base64'));

  it.each(GGUF_DTYPES)('in %s are those of the package gguf, to the bit', (dtype) => {
    const values = new Float32Array(bytesOf('values').buffer);
    const bytes = bytesOf(dtype);
    const ours = narrow(values, dtype);
    expect(ours.length).toBe(bytes.length);
    ours.forEach((byte, i) => {
      if (byte !== bytes[i]) expect([i, byte]).toEqual([i, bytes[i]]);
    });
  });

  it('of two bytes become float32 without a change, every one of them', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    for (const [from, to] of [
      ['F16', 'f16'],
      ['BF16', 'bf16'],
    ] as const) {
      const wide = widen(new Uint8Array(all.buffer), from);
      const back = new Uint16Array(narrow(wide, to).buffer);
      for (let i = 0; i < 65536; i++) if (Number.isFinite(wide[i]!) && back[i] !== i) expect(back[i]).toBe(i);
    }
    expect(
      Array.from(widen(new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00).buffer), 'F16')),
    ).toEqual([1, -2, 2 ** -24, Infinity]);
  });

  it('of two halves of a head are brought side by side', () => {
    // Two heads of four rows, two columns: the row r of head h holds 10h + r.
    const rows = Float32Array.from([0, 1, 2, 3, 10, 11, 12, 13].flatMap((row) => [row, row + 0.5]));
    expect([...interleave(rows, 4, 2)].filter((_, i) => i % 2 === 0)).toEqual([0, 2, 1, 3, 10, 12, 11, 13]);
  });
});

const read = (file: string) =>
  gguf(file, { allowLocalFile: true }) as unknown as Promise<GGUFParseOutput<{ strict: false }>>;

describe('a file', () => {
  it.each(['tiny', 'qwen2-tied', 'qwen2-untied', 'qwen3-tied', 'llama-tied', 'qwen2-tied-bf16-sharded'])(
    'of %s has its sizes, tokens and tensors',
    async (name) => {
      const folder = name === 'tiny' ? TINY : fixtureModel(name);
      const output = join(temporaryFolder(), 'a.gguf');
      const told: number[] = [];
      const exported = await exportGguf({
        model: folder,
        dtype: 'q8_0',
        output,
        onWritten: (written, total) => told.push(written / total),
      });
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Record<string, number>;
      const { metadata, tensorInfos, tensorDataOffset } = await read(output);
      const arch = String(config.model_type);
      expect(metadata).toMatchObject({
        version: 3,
        'general.architecture': arch,
        'general.file_type': 7,
        [`${arch}.block_count`]: config.num_hidden_layers,
        [`${arch}.embedding_length`]: config.hidden_size,
        [`${arch}.attention.head_count_kv`]: config.num_key_value_heads,
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.eos_token_id': 0,
        'tokenizer.ggml.add_bos_token': false,
      });
      const tokens = metadata['tokenizer.ggml.tokens'] as string[];
      expect(tokens).toHaveLength(config.vocab_size!);
      expect(tokens[0]).toBe('<|endoftext|>');
      const { model } = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as {
        model: { vocab: Record<string, number> };
      };
      expect([tokens[model.vocab[' ']!], tokens[model.vocab[':']!]]).toEqual(['Ġ', ':']);
      expect(metadata['tokenizer.ggml.token_type']).toEqual(
        tokens.map((token) => (token === '<|endoftext|>' ? 3 : token.startsWith('[PAD') ? 5 : 1)),
      );
      expect(tensorInfos.some(({ name: one }) => one === 'output.weight')).toBe(
        config.tie_word_embeddings === (false as unknown),
      );
      const q = tensorInfos.find(({ name: one }) => one === 'blk.0.attn_q.weight')!;
      expect(q).toMatchObject({ dtype: 8, shape: [BigInt(config.hidden_size!), q.shape[1]] });
      expect(
        tensorInfos.filter(({ n_dims, dtype }) => n_dims === 1 && dtype !== GGMLQuantizationType.F32),
      ).toEqual([]);
      const last = tensorInfos.at(-1)!;
      expect(Number(tensorDataOffset + last.offset)).toBeLessThan(exported.bytes);
      expect(readFileSync(output)).toHaveLength(exported.bytes);
      expect(exported.tensors).toBe(tensorInfos.length);
      expect(told.at(-1)).toBe(1);
      expect(tensorInfos.every(({ offset }) => offset % 32n === 0n)).toBe(true);
    },
  );

  it('holds each number where the reader looks for it', async () => {
    const output = join(temporaryFolder(), 'a.gguf');
    await exportGguf({ model: fixtureModel('qwen2-untied'), dtype: 'f32', output });
    const { tensorInfos, tensorDataOffset } = await read(output);
    const file = readFileSync(output);
    const source = readFileSync(join(fixtureModel('qwen2-untied'), 'model.safetensors'));
    const headerLength = Number(source.readBigUInt64LE(0));
    const header = JSON.parse(source.toString('utf8', 8, 8 + headerLength)) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    for (const [ours, theirs] of [
      ['token_embd.weight', 'model.embed_tokens.weight'],
      ['blk.2.attn_k.bias', 'model.layers.2.self_attn.k_proj.bias'],
      ['blk.1.ffn_down.weight', 'model.layers.1.mlp.down_proj.weight'],
      ['output.weight', 'lm_head.weight'],
    ]) {
      const { offset } = tensorInfos.find(({ name }) => name === ours)!;
      const [begin, end] = header[theirs!]!.data_offsets;
      const at = Number(tensorDataOffset + offset);
      expect(
        file
          .subarray(at, at + end - begin)
          .equals(source.subarray(8 + headerLength + begin, 8 + headerLength + end)),
      ).toBe(true);
    }
  });

  it('carries the chat template, and the ends of turn and of text', async () => {
    const folder = temporaryFolder();
    cpSync(fixtureModel('qwen2-tied'), folder, { recursive: true });
    writeFileSync(join(folder, 'chat_template.jinja'), '{{ messages[0].content }}');
    writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id": [0, 5]}');
    const output = join(folder, 'a.gguf');
    await exportGguf({ model: folder, output });
    const { metadata } = await read(output);
    expect(metadata).toMatchObject({
      'tokenizer.chat_template': '{{ messages[0].content }}',
      'tokenizer.ggml.eos_token_id': 0,
      'tokenizer.ggml.eot_token_id': 5,
    });
  });

  it('of scaled rotary positions says how', async () => {
    const output = join(temporaryFolder(), 'a.gguf');
    const scaled = (rope_scaling: object) =>
      modelWith('llama-tied', 'config.json', (config) => ({
        ...config,
        rope_parameters: undefined,
        rope_theta: 5e5,
        rope_scaling,
      }));
    await exportGguf({ model: scaled({ rope_type: 'linear', factor: 4 }), output });
    expect((await read(output)).metadata).toMatchObject({
      'llama.rope.scaling.type': 'linear',
      'llama.rope.scaling.factor': 4,
      'llama.rope.freq_base': 5e5,
    });
    const llama3 = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    };
    await exportGguf({ model: scaled(llama3), output });
    const { tensorInfos, tensorDataOffset } = await read(output);
    const { offset, shape } = tensorInfos.find(({ name }) => name === 'rope_freqs.weight')!;
    expect(shape).toEqual([8n]);
    const at = Number(tensorDataOffset + offset);
    const factors = new Float32Array(Uint8Array.from(readFileSync(output).subarray(at, at + 32)).buffer);
    // Short wavelengths are kept, long ones are stretched by the factor.
    expect(factors[0]).toBe(1);
    expect(factors.at(-1)).toBeCloseTo(8, 4);
    expect([...factors]).toEqual([...factors].sort((a, b) => a - b));
  });
});

describe('what llama.cpp has no place for is refused', () => {
  const inFolder = (folder: string) => exportGguf({ model: folder, output: join(folder, 'a.gguf') });

  it('a tokenizer that it does not have', async () => {
    const folder = modelWith('qwen2-tied', 'tokenizer.json', (json) => ({
      ...json,
      pre_tokenizer: { type: 'Whitespace' },
    }));
    expect(await codeOf(inFolder(folder))).toBe('GGUF_TOKENIZER');
    expect(existsSync(join(folder, 'a.gguf'))).toBe(false);
  });

  it('an architecture with parts that it would leave out', async () => {
    const folder = modelWith('qwen2-tied', 'config.json', (config) => ({
      ...config,
      rope_parameters: {
        rope_theta: 1e6,
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    }));
    expect(await codeOf(inFolder(folder))).toBe('GGUF_UNSUPPORTED');
  });

  it('a number that the type does not reach, and one that is none; no part of a file is left', async () => {
    for (const value of [1e6, NaN]) {
      const folder = temporaryFolder();
      cpSync(fixtureModel('qwen2-tied'), folder, { recursive: true });
      setNumber(join(folder, 'model.safetensors'), 'model.layers.1.mlp.up_proj.weight', value);
      expect(await codeOf(inFolder(folder))).toBe('GGUF_RANGE');
      expect(readdirSync(folder).filter((name) => name.includes('.gguf'))).toEqual([]);
      if (!Number.isNaN(value))
        await exportGguf({ model: folder, dtype: 'bf16', output: join(folder, 'a.gguf') });
    }
  });

  it('a folder that cannot be written to', async () => {
    const output = join(temporaryFolder(), 'none', 'a.gguf');
    expect(await codeOf(exportGguf({ model: TINY, output }))).toBe('WRITE_FAILED');
  });
});

/** Puts a number into the first place of a tensor of float32. */
function setNumber(file: string, tensor: string, value: number): void {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  bytes.writeFloatLE(value, 8 + length + header[tensor]!.data_offsets[0]);
  writeFileSync(file, bytes);
}
