/**
 * What reads files of strangers, each with an endless supply of bad ones. An input either is read, and then
 * holds what the reader promises, or is refused with a coded error that says what to do.
 */
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { parseLine } from '../../../src/cli/score-line.js';
import { parseYaml, resolveConfig } from '../../../src/config/load.js';
import { TRAIN } from '../../../src/run/options.js';
import { trainDefaults } from '../../../src/experiments/train-defaults.js';
import { toOptions } from '../../../src/run/train-options.js';
import { GrpoError } from '../../../src/common/errors.js';
import { readModelConfig } from '../../../src/model/config.js';
import { locateTensors, readHeader } from '../../../src/model/safetensors.js';
import { Tokenizer, readEosTokenIds } from '../../../src/model/tokenizer.js';
import type { TensorLocation } from '../../../src/engine/types.js';
import { planSweep, sweepOf } from '../../../src/experiments/sweep/plan.js';
import { loadRewards } from '../../../src/data/rewards/load.js';
import { rulesOf } from '../../../src/data/rewards/rules.js';
import type { RewardSpec } from '../../../src/data/rewards/types.js';
import { loadDataset } from '../../../src/data/tasks/dataset.js';
import type { Problem } from '../../../src/data/tasks/task.js';
import { mutatedJson, mutatedSafetensors, mutatedYaml } from './mutations.js';

/** Longest that any input may take, in milliseconds: what hangs or fills the memory takes longer. */
const PATIENCE = 5000;

export interface Target<T = unknown> {
  name: string;
  inputs: fc.Arbitrary<T>;
  /** Reads one input; throws what the reader throws, or where it took what it must not. */
  read: (input: T) => unknown;
}

/** How it ended: `read`, or the code that it was refused with. Throws where it ended in another way. */
export async function outcomeOf<T>({ read }: Pick<Target<T>, 'read'>, input: T): Promise<string> {
  const began = performance.now();
  let outcome = 'read';
  try {
    await read(input);
  } catch (error) {
    if (!(error instanceof GrpoError)) throw error;
    if (!/^[A-Z][A-Z_]+$/.test(error.code) || error.fix === '' || error.code === 'NATIVE_FAILURE')
      throw error;
    require(error.message.length < 5000, `a message of ${error.message.length} characters`);
    outcome = error.code;
  }
  const took = performance.now() - began;
  require(took < PATIENCE, `it took ${Math.round(took)} ms`);
  require(!('polluted' in {}) && !('x' in {}), 'Object.prototype was changed');
  return outcome;
}

function require(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

/**
 * @param models folder of the fixture models
 * @param scratch an empty folder, for the files that are read
 */
export function targets(models: string, scratch: string): Target[] {
  const copy = (model: string, purpose: string): string => {
    const folder = join(scratch, purpose);
    mkdirSync(folder, { recursive: true });
    cpSync(join(models, model), folder, { recursive: true });
    return folder;
  };
  return [
    header(join(models, 'qwen2-tied', 'model.safetensors'), join(scratch, 'header.safetensors')),
    index(copy('qwen2-tied-bf16-sharded', 'index')),
    config('qwen3-tied', copy('qwen3-tied', 'config-qwen3')),
    config('llama-tied', copy('llama-tied', 'config-llama')),
    tokenizer('tokenizer.json', copy('qwen2-tied', 'tokenizer-words')),
    tokenizer('tokenizer.json', copy('qwen2-tied', 'tokenizer-bytes'), BYTE_LEVEL),
    tokenizer('tokenizer.json', copy('qwen2-tied', 'tokenizer-unigram'), UNIGRAM),
    tokenizer('tokenizer_config.json', copy('qwen2-tied', 'tokenizer-config'), TOKENIZER_CONFIG),
    options(),
    sweep(),
    dataset(),
    rewards(),
    jsonSchema(join(scratch, 'schema.json')),
    scoreLine(
      new Tokenizer(
        readJson(join(models, 'qwen2-tied', 'tokenizer.json')) as Record<string, unknown>,
        readJson(join(models, 'qwen2-tied', 'tokenizer_config.json')) as Record<string, unknown>,
      ),
    ),
  ] as Target[];
}

/** Every location lies in the file and has the bytes that its shape needs. */
function checkLocations(tensors: TensorLocation[]): void {
  const width = { F32: 4, F16: 2, BF16: 2 };
  for (const { file, begin, end, shape, dtype } of tensors) {
    const bytes = shape.reduce((product, side) => product * side, width[dtype]);
    require(begin >= 8 &&
      end - begin === bytes &&
      end <= statSync(file).size, 'a tensor outside of its file');
  }
  const sorted = [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
  const overlap = sorted.some(
    (one, i) => i > 0 && sorted[i - 1]!.file === one.file && sorted[i - 1]!.end > one.begin,
  );
  require(!overlap, 'two tensors overlap');
}

function header(good: string, file: string): Target<Uint8Array> {
  const bytes = readFileSync(good);
  const length = Number(bytes.readBigUInt64LE());
  const json = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  // The first few tensors: enough to go wrong in every way.
  const seed = Object.fromEntries(Object.entries(json).sort(byOffset).slice(0, 4));
  const data = Math.max(...Object.values(seed).map((entry) => offsetsOf(entry)[1]));
  return {
    name: 'safetensors header',
    inputs: mutatedSafetensors(seed, data),
    read: async (input) => {
      writeFileSync(file, input);
      checkLocations(await readHeader(file));
    },
  };
}

const offsetsOf = (entry: unknown): [number, number] =>
  (entry as { data_offsets?: [number, number] }).data_offsets ?? [-1, -1];
const byOffset = ([, a]: [string, unknown], [, b]: [string, unknown]): number =>
  offsetsOf(a)[0] - offsetsOf(b)[0];

function index(folder: string): Target<string> {
  const file = join(folder, 'model.safetensors.index.json');
  const whole = readJson(file) as { weight_map: Record<string, string> };
  return {
    name: 'safetensors index',
    inputs: mutatedJson(whole),
    read: async (input) => {
      writeFileSync(file, input);
      const tensors = await locateTensors(folder, await readModelConfig(folder));
      require(tensors.every((tensor) => dirname(tensor.file) === folder), 'a shard outside of the folder');
    },
  };
}

function config(name: string, folder: string): Target<string> {
  const file = join(folder, 'config.json');
  return {
    name: `config.json (${name})`,
    inputs: mutatedJson(readJson(file)),
    read: async (input) => {
      writeFileSync(file, input);
      const read = await readModelConfig(folder);
      require(read.ropeInvFreq.every((frequency) =>
        Number.isFinite(frequency),
      ), 'a frequency that is no number');
      checkLocations(await locateTensors(folder, read));
    },
  };
}

const TEXTS = ['Calculate: 15 + 8 = ', '', ' ', 'Grüße 🦜', '<|endoftext|>', 'a'.repeat(300), '\0\ud800'];

/** The two forms that the fixture's tokenizer, of whole words, is not; small, and with every part that such have. */
const BYTE_LEVEL = {
  version: '1.0',
  added_tokens: [
    { id: 14, content: '<|endoftext|>', special: true, lstrip: false, rstrip: false, normalized: false },
  ],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: { Regex: '\\p{N}| ?\\p{L}+| ?[^\\s\\p{L}\\p{N}]+|\\s+' },
        behavior: 'Isolated',
        invert: false,
      },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    ],
  },
  post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false },
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries([...'Calcute:158+=Ġ', 'Ca'].map((token, id) => [token, id])),
    merges: [['C', 'a']],
  },
};
const TOKENIZER_CONFIG = {
  eos_token: '<|endoftext|>',
  pad_token: { content: '<|endoftext|>', special: true },
  extra_special_tokens: ['=', '+'],
  added_tokens_decoder: {
    0: { content: '<|endoftext|>', special: true },
    84: { content: '<|im_end|>', lstrip: false, rstrip: false, normalized: false, special: true },
  },
};
const UNIGRAM = {
  version: '1.0',
  added_tokens: [{ id: 0, content: '<unk>', special: true }],
  normalizer: { type: 'Precompiled', precompiled_charsmap: null },
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  post_processor: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Metaspace', replacement: '▁' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'Unigram',
    unk_id: 0,
    byte_fallback: false,
    vocab: [
      ['<unk>', 0],
      ['▁', -1],
      ['C', -2],
      ['al', -2.5],
      ['15', -3],
    ],
  },
};

function tokenizer(name: string, folder: string, seed?: object): Target<string> {
  const file = join(folder, name);
  const form = basename(folder).replace('tokenizer-', '');
  const vocabSize = 96;
  return {
    name: `${name} (${form})`,
    inputs: mutatedJson(seed ?? readJson(file)),
    read: async (input) => {
      writeFileSync(file, input);
      const read = await Tokenizer.load(folder, vocabSize);
      await readEosTokenIds(folder, read);
      let refusal: unknown;
      for (const text of TEXTS)
        try {
          const ids = [...read.encode(text), ...read.encodePrompt(text)];
          require(ids.every((id) => id >= 0 && id < vocabSize), 'an id that the model does not have');
          require(typeof read.decode(ids) === 'string', 'no text');
        } catch (error) {
          if (!(error instanceof GrpoError)) throw error;
          refusal = error;
        }
      const all = Array.from({ length: vocabSize + 2 }, (_, id) => id);
      const whole = read.decode(all, { skipSpecialTokens: false });
      require(typeof whole === 'string' && typeof read.token(5) === 'string', 'no text');
      const grown = all.reduce((text, id) => text.with(id), read.growingText()).text;
      require(grown === whole, 'another text where it grows by a token at a time');
      if (refusal) throw refusal as Error;
    },
  };
}

const OPTIONS = [
  'model: tiny\ntask: arithmetic\nbatch_size: 64\nnum_generations: 16\nlearning_rate: 1e-5\nbeta: 0.1\n',
  'model: ./mine\ntask: mixed\ntask_weights: { arithmetic: 2, counting: 1 }\nstop: ["\\n", "#"]\noutput_dir: "runs/a: b"\n',
  'preset: arithmetic-baseline\nseed: 3\nmax_steps: 20\nresume: checkpoint-40\nlr_scheduler_kwargs: {min_lr: 0.1}\n',
  'curriculum: [{until_epoch: 20, max_operand: 10}, {task: binary}]\nreward: [task, partial_credit]\n# end\n',
];

function options(): Target<string> {
  return {
    name: 'YAML options',
    inputs: mutatedYaml(OPTIONS),
    read: (text) => {
      const read = toOptions(resolveConfig(TRAIN, [parseYaml(text, 'a.yaml')], trainDefaults));
      // Data, however it was written down: nothing in it can be called.
      require(!holdsCode(read), 'a function came out of a file');
    },
  };
}

function holdsCode(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsCode);
}

const SWEEPS = [
  'output_dir: runs/a\nbase: {model: tiny, max_steps: 5}\nruns: [{name: one, beta: 0}, {name: two, beta: 0.1}]\n',
  'base: {model: tiny}\ngrid: {seed: [1, 2, 3], beta: [0, 0.1], task: [arithmetic, binary]}\n',
];

function sweep(): Target<string> {
  return {
    name: 'YAML sweep',
    inputs: mutatedYaml(SWEEPS),
    read: (text) => {
      const spec = sweepOf(parseYaml(text, 'sweep.yaml'), {});
      require(spec.outputDir === undefined || typeof spec.outputDir === 'string', 'a folder that is no text');
      for (const { name } of planSweep(spec))
        require(/^[\w-][\w.-]*$/.test(name), `a run folder called ${JSON.stringify(name)}`);
    },
  };
}

const PROBLEMS = {
  weights: { a: 2, b: 1 },
  problems: Array.from({ length: 30 }, (_, i) => ({
    prompt: `${i} + 1 = `,
    answer: `${i + 1}`,
    task: i % 2 ? 'a' : 'b',
  })),
};

function dataset(): Target<string> {
  return {
    name: 'dataset',
    inputs: mutatedJson(PROBLEMS),
    read: async (text) => {
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        return; // what gives the problems is a program: it has no syntax of its own
      }
      const { weights, problems } = (json ?? {}) as Record<string, unknown>;
      const task = {
        name: 'mine',
        reward: () => [],
        problems: () => problems as Problem[],
        ...(weights !== undefined && { weights: weights as Record<string, number> }),
      };
      const { train, heldOut, stages } = await loadDataset(task, { seed: 1 });
      const all = [...train, ...heldOut];
      require(all.every(
        ({ prompt, answer }) => typeof prompt === 'string' && prompt !== '' && typeof answer === 'string',
      ), 'a problem without a prompt or an answer');
      require(stages.every(({ positions }) =>
        positions.every((at) => train[at] !== undefined),
      ), 'a position of no problem');
    },
  };
}

const REWARDS = [
  ['exact_match', 'one_of:3,1 + 1', { contains: { tag: 'answer', ignore_case: true } }, 'length:10'],
  [{ number: { read: 'boxed', column: 'n', name: 'n' } }, { number: 'last' }, 'math', 'similarity'],
  [{ regex: { pattern: '(?i)is\\s+(\\d+|x{1,9})[^a-z]*$', tag: 'a-b' } }, { format: ['think', 'answer'] }],
  [{ math: { form: 'countdown', numbers: 'nums' } }, { json_schema: { schema: { type: 'integer' } } }],
];
const SAID = ['', '3', 'It is 3.', '<answer>3</answer>', '\\boxed{3}', '{"name": "a"}', '[1, 2', '\0\ud800'];

/** Rewards give numbers from 0 to 1 to whatever is said. */
async function tryRewards(spec: RewardSpec | RewardSpec[] | null): Promise<void> {
  const problem = { prompt: '1 + 2 = ', answer: '3', columns: { n: 3, nums: [1, 2] } };
  const task = { name: 'mine', reward: () => [], problems: () => [problem] };
  const loaded = await loadRewards(spec, task);
  const completions = SAID.map((completion) => ({ ...problem, completion, problem }));
  const { extract, stop } = rulesOf(task, loaded);
  for (const { reward, name } of loaded) {
    if (name === 'task' || name === 'partial_credit') continue;
    const values = await reward(completions);
    require(values.length === SAID.length &&
      values.every((value) => value !== null && value >= 0 && value <= 1), `${name} gave ${values.join()}`);
  }
  for (const text of SAID) require(typeof extract(text, problem) === 'string', 'no text');
  for (const text of SAID) stop?.(text, problem);
}

function rewards(): Target<string> {
  return {
    name: 'rewards by name',
    inputs: fc.oneof(...REWARDS.map(mutatedJson)),
    read: async (text) => {
      const { reward } = resolveConfig(TRAIN, [parseYaml(`reward: ${text}`, 'a.yaml')], trainDefaults);
      await tryRewards(reward);
    },
  };
}

const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^[a-z]{1,9}$', minLength: 1 },
    tags: { type: 'array', items: { $ref: '#/$defs/tag' }, uniqueItems: true },
  },
  patternProperties: { '^x-': { oneOf: [{ type: 'number', minimum: 0 }, { const: null }] } },
  $defs: { tag: { enum: ['a', 'b'] } },
  additionalProperties: false,
};

function jsonSchema(file: string): Target<string> {
  return {
    name: 'JSON schema',
    inputs: mutatedJson(SCHEMA),
    read: async (input) => {
      writeFileSync(file, input);
      await tryRewards({ json_schema: { schema: file } });
    },
  };
}

const LINES = [
  { prompt: 'Calculate: 7 + 8 = ', completion: '15' },
  { prompt_ids: [5, 6, 7], completion_ids: [8, 9] },
];

function scoreLine(read: Tokenizer): Target<string> {
  const model = { tokenizer: read, config: { vocabSize: 96, maxPositionEmbeddings: 512 } };
  return {
    name: 'line to score',
    inputs: fc.oneof(...LINES.map(mutatedJson)),
    read: (text) => {
      const { prompt, completion } = parseLine(model, text, 1);
      for (const ids of [prompt, completion])
        require(ids.length > 0 &&
          ids.every((id) => id >= 0 && id < 96), 'an id that the model does not have');
    },
  };
}
