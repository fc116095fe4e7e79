import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parameterCount, parseModelConfig, readModelConfig } from '../../../src/model/config.js';
import { expectedTensors, withoutWeightDecay } from '../../../src/model/tensor-names.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';

const base = JSON.parse(readFileSync(join(fixtureModel('qwen2-tied'), 'config.json'), 'utf8')) as Record<
  string,
  unknown
>;
const without = (key: string) => Object.fromEntries(Object.entries(base).filter(([name]) => name !== key));

describe('config.json', () => {
  it.each(['qwen2-tied', 'qwen2-untied', 'qwen3-tied', 'llama-tied'])('reads %s', async (name) => {
    const config = await readModelConfig(fixtureModel(name));
    expect(config).toMatchObject({ vocabSize: 96, hiddenSize: 64, numHiddenLayers: 3 });
    expect(config.ropeInvFreq).toHaveLength(config.headDim / 2);
    const counted = expectedTensors(config).reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
    expect(parameterCount(config)).toBe(counted);
  });

  it('gives each architecture its biases and norms', () => {
    expect(parseModelConfig(base)).toMatchObject({
      qkvBias: true,
      oBias: false,
      mlpBias: false,
      qkNorm: false,
    });
    const llama = { ...base, model_type: 'llama', attention_bias: true, mlp_bias: true };
    expect(parseModelConfig(llama)).toMatchObject({
      qkvBias: true,
      oBias: true,
      mlpBias: true,
      qkNorm: false,
    });
    expect(parseModelConfig({ ...base, model_type: 'qwen3' })).toMatchObject({
      qkvBias: false,
      qkNorm: true,
      headDim: 128,
    });
  });

  it('reads what hub checkpoints write at the top level', () => {
    const old = { ...without('rope_parameters'), rope_theta: 1000000, torch_dtype: 'bfloat16' };
    expect(parseModelConfig(old).ropeInvFreq).toEqual(parseModelConfig(base).ropeInvFreq);
    expect(parseModelConfig(without('rope_parameters')).ropeInvFreq[1]).toBeCloseTo(10000 ** (-2 / 16), 7);
    expect(parseModelConfig(without('tie_word_embeddings')).tieWordEmbeddings).toBe(false);
    expect(parseModelConfig(without('num_key_value_heads')).numKeyValueHeads).toBe(4);
  });

  it('scales rotary frequencies as transformers does', () => {
    const linear = parseModelConfig({ ...base, rope_scaling: { type: 'linear', factor: 4 } });
    expect(linear.ropeInvFreq[0]).toBeCloseTo(0.25, 9);
    // transformers: rope_type llama3, theta 500000, head_dim 16, 8192 positions.
    const llama3 = parseModelConfig({
      ...without('rope_parameters'),
      rope_theta: 500000,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    });
    LLAMA3.forEach((value, i) => expect(llama3.ropeInvFreq[i]! / value).toBeCloseTo(1, 6));
  });

  it.each([
    ['an unknown architecture', { ...base, model_type: 'gpt2' }, 'MODEL_ARCHITECTURE'],
    ['no architecture', without('model_type'), 'MODEL_ARCHITECTURE'],
    ['a missing field', without('hidden_size'), 'MODEL_CONFIG_INVALID'],
    ['a negative size', { ...base, vocab_size: -1 }, 'MODEL_CONFIG_INVALID'],
    ['a size that is text', { ...base, num_hidden_layers: '3' }, 'MODEL_CONFIG_INVALID'],
    ['heads that do not divide', { ...base, num_key_value_heads: 3 }, 'MODEL_CONFIG_INVALID'],
    ['an odd head', { ...base, head_dim: 15 }, 'MODEL_CONFIG_INVALID'],
    ['another activation', { ...base, hidden_act: 'gelu' }, 'MODEL_CONFIG_UNSUPPORTED'],
    [
      'another rope',
      { ...base, rope_scaling: { rope_type: 'yarn', factor: 2 }, rope_parameters: null },
      'MODEL_CONFIG_UNSUPPORTED',
    ],
    [
      'a linear rope without factor',
      { ...base, rope_parameters: { rope_type: 'linear' } },
      'MODEL_CONFIG_INVALID',
    ],
    ['part of a rope', { ...base, partial_rotary_factor: 0.5 }, 'MODEL_CONFIG_UNSUPPORTED'],
    [
      'a sliding window',
      { ...without('layer_types'), use_sliding_window: true, sliding_window: 128, max_window_layers: 1 },
      'MODEL_CONFIG_UNSUPPORTED',
    ],
  ])('refuses %s', async (_what, json, code) => {
    expect(await codeOf(() => parseModelConfig(json))).toBe(code);
  });

  it('accepts a window that no input can reach', () => {
    const wide = {
      ...without('layer_types'),
      use_sliding_window: true,
      sliding_window: 512,
      max_window_layers: 1,
    };
    expect(parseModelConfig(wide).maxPositionEmbeddings).toBe(512);
    const none = {
      ...without('layer_types'),
      use_sliding_window: true,
      sliding_window: 128,
      max_window_layers: 28,
    };
    expect(parseModelConfig(none).numHiddenLayers).toBe(3);
  });

  it('says when there is no config.json', async () => {
    expect(await codeOf(readModelConfig(temporaryFolder()))).toBe('MODEL_CONFIG_MISSING');
  });

  it('leaves norms and biases out of weight decay', () => {
    const names = withoutWeightDecay(expectedTensors(parseModelConfig(base)));
    expect(names).toContain('model.norm.weight');
    expect(names).toContain('model.layers.0.self_attn.q_proj.bias');
    expect(names.some((name) => name.includes('embed') || name.endsWith('proj.weight'))).toBe(false);
  });
});

const LLAMA3 = [
  1.0, 0.193922758102417, 0.03760603070259094, 0.00729266507551074, 0.000429556705057621,
  8.570255886297673e-6, 1.6619674170215148e-6, 3.2229328894572973e-7,
];
