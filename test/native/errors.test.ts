/** What the engine is given wrong comes back as a coded error; it never crashes, and goes on after it. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import { locateTensors } from '../../src/model/safetensors.js';
import { createEngine, loadAddon } from '../../src/engine/addon.js';
import type {
  Batch,
  EngineOptions,
  ModelConfig,
  NativeEngine,
  SampleRequest,
  TensorLocation,
} from '../../src/engine/types.js';
import { DEVICE } from '../support/device.js';
import { codeOf, fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { ADAMW, loadModel, sharedModel } from '../support/models.js';

const FOLDER = fixtureModel('qwen2-tied');
const OPTIONS: EngineOptions = { device: DEVICE, dtype: 'float32', threads: 1, matrixBackend: 'mkl' };

function newEngine(options: Partial<EngineOptions> = {}): NativeEngine {
  const engine = createEngine({ ...OPTIONS, ...options });
  onTestFinished(() => engine.dispose());
  return engine;
}

/** A value of a type that TypeScript would have refused. */
const wrong = (value: unknown) => value as never;
const ints = (...values: number[]) => Int32Array.from(values);
const ids = (length: number) => new Int32Array(length).fill(1);

describe('arguments', () => {
  const model = sharedModel('qwen2-tied');
  const batch: Batch = { prompts: [ints(1, 2)], completions: [ints(3)], promptOf: ints(0) };
  const request: SampleRequest = {
    prompts: [ints(1, 2)],
    promptIndices: [0],
    numGenerations: 2,
    firstGeneration: 0,
    maxCompletionLength: 4,
    eosTokenIds: [0],
    seed: 0,
    step: 0,
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
  };

  it.each<[string, Partial<Record<keyof Batch, unknown>>]>([
    ['prompts of floats', { prompts: [new Float32Array(2)] }],
    ['prompts of numbers', { prompts: [[1, 2]] }],
    ['prompts that are no array', { prompts: 'abc' }],
    ['no prompts', { prompts: undefined }],
    ['an empty prompt', { prompts: [ints()] }],
    ['a token past the vocabulary', { completions: [ints(96)] }],
    ['a negative token', { prompts: [ints(-1)] }],
    ['an empty completion', { completions: [ints()] }],
    ['no completion at all', { completions: [], promptOf: ints() }],
    ['a completion of no prompt', { promptOf: ints(1) }],
    ['a completion of prompt -1', { promptOf: ints(-1) }],
    ['more owners than completions', { promptOf: ints(0, 0) }],
    ['owners in bytes', { promptOf: new Uint8Array(1) }],
  ])('of score and forward: %s', async (_, part) => {
    const bad = wrong({ ...batch, ...part });
    expect(await codeOf(model().engine.score(bad, 'policy', 1))).toBe('BAD_ARGUMENT');
    expect(await codeOf(model().engine.forward(bad, 1))).toBe('BAD_ARGUMENT');
  });

  it.each<[string, Partial<Record<keyof SampleRequest, unknown>>]>([
    ['a temperature below 0', { temperature: -1 }],
    ['a temperature that is no number', { temperature: NaN }],
    ['a negative top_k', { topK: -1 }],
    ['a top_p above 1', { topP: 1.5 }],
    ['a min_p above 1', { minP: 2 }],
    ['a penalty of 0', { repetitionPenalty: 0 }],
    ['no completions', { numGenerations: 0 }],
    ['completions before the first', { firstGeneration: -1 }],
    ['no length', { maxCompletionLength: 0 }],
    ['fewer indices than prompts', { promptIndices: [] }],
    ['an empty prompt', { prompts: [ints()] }],
    ['a token past the vocabulary', { prompts: [ints(400)] }],
    ['a seed in letters', { seed: 'abc' }],
    ['no ends of sequence', { eosTokenIds: undefined }],
  ])('of sampleStart: %s', async (_, part) => {
    expect(await codeOf(model().engine.sampleStart(wrong({ ...request, ...part })))).toBe('BAD_ARGUMENT');
  });

  it.each<[string, string, (engine: NativeEngine) => Promise<unknown>]>([
    ['score of nothing', 'BAD_ARGUMENT', (engine) => engine.score(wrong(undefined), 'policy', 1)],
    ['score by nobody', 'BAD_ARGUMENT', (engine) => engine.score(batch, wrong('nobody'), 1)],
    ['score at temperature 0', 'BAD_ARGUMENT', (engine) => engine.score(batch, 'policy', 0)],
    ['score without a reference', 'REFERENCE_MISSING', (engine) => engine.score(batch, 'reference', 1)],
    ['logits of an array', 'BAD_ARGUMENT', (engine) => engine.logits(wrong([1, 2]))],
    ['logits of nothing', 'BAD_ARGUMENT', (engine) => engine.logits(ints())],
    ['backward of doubles', 'BAD_ARGUMENT', (engine) => engine.backward(wrong(new Float64Array(1)), null)],
    ['sampleNext before a start', 'SAMPLING_NOT_STARTED', (engine) => engine.sampleNext(ints())],
    ['tensor that is none', 'TENSOR_UNKNOWN', (engine) => engine.tensor('model.nothing', 'weight')],
    ['tensor of no kind', 'BAD_ARGUMENT', (engine) => engine.tensor('model.norm.weight', wrong('value'))],
    ['optimizerStep of nothing', 'BAD_ARGUMENT', (engine) => engine.optimizerStep(wrong({}))],
    [
      'a learning rate that is no number',
      'BAD_ARGUMENT',
      (engine) => engine.optimizerStep({ ...ADAMW, learningRate: NaN }),
    ],
    [
      'write to no folder',
      'FILE_WRITE',
      (engine) => engine.writeTensors('/no/folder/x', new Uint8Array(8), []),
    ],
    ['a header of text', 'BAD_ARGUMENT', (engine) => engine.writeTensors('/no/folder/x', wrong('{}'), [])],
    ['a second load', 'MODEL_LOADED', (engine) => engine.load(model().config, [])],
  ])('of other calls: %s', async (_, code, call) => {
    await model().engine.sampleEnd();
    expect(await codeOf(() => call(model().engine))).toBe(code);
  });

  it.each<[string, (model: LanguageModel, length: number) => Promise<unknown>]>([
    [
      'sample',
      (own, length) =>
        own.sample({
          ...request,
          prompts: [ints(1), ids(length - 1)],
          promptIndices: [0, 1],
          numGenerations: 1,
          maxCompletionLength: 1,
        }),
    ],
    ['score', (own, length) => own.score({ ...batch, prompts: [ids(length - 1)], completions: [ids(1)] })],
    [
      'forward',
      (own, length) => own.forward({ ...batch, prompts: [ids(length - 1)], completions: [ids(1)] }, 1),
    ],
  ])("of %s: more positions than the model's", async (_, call) => {
    const { maxPositionEmbeddings } = model().config;
    expect(await codeOf(call(model(), maxPositionEmbeddings))).toBe('no error');
    expect(await codeOf(call(model(), maxPositionEmbeddings + 1))).toBe('PROMPT_TOO_LONG');
  });

  it('leave the engine as it was', async () => {
    const fresh = await loadModel(FOLDER);
    expect(await model().score(batch)).toEqual(await fresh.score(batch));
  });

  it('of sampleNext: a completion that is none', async () => {
    for (const none of [2, -1]) {
      await model().engine.sampleStart(request);
      expect(await codeOf(model().engine.sampleNext(ints(none)))).toBe('BAD_ARGUMENT');
    }
  });

  it('of backward: one derivative a token, and once a forward', async () => {
    const { engine } = model();
    const one = new Float32Array(1);
    expect(await codeOf(engine.backward(one, null))).toBe('FORWARD_MISSING');
    await engine.forward(batch, 1);
    expect(await codeOf(engine.backward(new Float32Array(2), null))).toBe('DERIVATIVE_COUNT');
    await engine.forward(batch, 1);
    expect(await codeOf(engine.backward(one, new Float32Array(3)))).toBe('DERIVATIVE_COUNT');
    await engine.forward(batch, 1);
    await engine.backward(one, one);
    expect(await codeOf(engine.backward(one, one))).toBe('FORWARD_MISSING');
  });
});

describe('an engine', () => {
  it.each<[string, Partial<Record<keyof EngineOptions, unknown>>]>([
    ['no device', { device: undefined }],
    ['an unknown type', { dtype: 'float64' }],
    ['an unknown matrix back end', { matrixBackend: 'blas' }],
    ['threads below 0', { threads: -1 }],
  ])('refuses %s', async (_, part) => {
    expect(await codeOf(() => newEngine(wrong(part)))).toBe('BAD_ARGUMENT');
  });

  it('says that it knows no such device', async () => {
    for (const device of ['tpu', 'gpu', 'cuda:x', 'meta', ''])
      expect(await codeOf(newEngine({ device }).info())).toBe('DEVICE_UNKNOWN');
  });

  it('says that there is no GPU, where there is none', async () => {
    const code = await codeOf(newEngine({ device: 'cuda' }).info());
    // On a machine with a GPU and a CUDA build of libtorch the device opens.
    expect(['DEVICE_MISSING', 'no error']).toContain(code);
  });

  it('says that it has no model', async () => {
    const engine = newEngine();
    for (const call of [
      engine.logits(ints(1)),
      engine.freezeReference(),
      engine.parameters(),
      engine.zeroGrad(),
    ])
      expect(await codeOf(call)).toBe('MODEL_NOT_LOADED');
  });
});

describe('an error of libtorch', () => {
  const { throwLibtorchError } = loadAddon();
  /** What PyTorch puts after whatever CUDA says. */
  const about =
    '\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below ' +
    'might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n' +
    'Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n';

  it.each([
    [
      'CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.1 GiB',
      'OUT_OF_MEMORY',
    ],
    [`CUDA error: out of memory${about}`, 'OUT_OF_MEMORY'],
    ["DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes", 'OUT_OF_MEMORY'],
    ['CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`', 'OUT_OF_MEMORY'],
    ['CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`', 'OUT_OF_MEMORY'],
    ['cuDNN error: CUDNN_STATUS_ALLOC_FAILED', 'OUT_OF_MEMORY'],
    ['cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED: alloc', 'OUT_OF_MEMORY'],
    ["NCCL error: unhandled cuda error. Cuda failure 2 'out of memory'", 'OUT_OF_MEMORY'],
    [`CUDA error: no kernel image is available for execution on the device${about}`, 'DEVICE_MISSING'],
    [`CUDA error: device-side assert triggered${about}`, 'DEVICE_LOST'],
    [`CUDA error: an illegal memory access was encountered${about}`, 'DEVICE_LOST'],
    [`CUDA error: unspecified launch failure${about}`, 'DEVICE_LOST'],
    [`CUDA error: uncorrectable ECC error encountered${about}`, 'DEVICE_LOST'],
    ['CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`', 'DEVICE_LOST'],
    [`CUDA error: invalid configuration argument${about}`, 'NATIVE_FAILURE'],
    ['The size of tensor a (3) must match the size of tensor b (4)', 'NATIVE_FAILURE'],
  ])('%s', (message, code) => {
    expect(() => throwLibtorchError(message)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });
});

describe('weights', () => {
  const read = async () => {
    const config = await readModelConfig(FOLDER);
    return { config, tensors: await locateTensors(FOLDER, config) };
  };
  /** Code of loading with one tensor's location changed. */
  const loadWith = async (
    change: (tensor: TensorLocation) => Partial<TensorLocation>,
    part: Partial<ModelConfig> = {},
  ) => {
    const { config, tensors } = await read();
    const changed = tensors.map((tensor, i) => (i === 3 ? { ...tensor, ...change(tensor) } : tensor));
    return codeOf(newEngine().load({ ...config, ...part }, changed));
  };

  it('outside their file are refused', async () => {
    const far = readFileSync(join(FOLDER, 'model.safetensors')).length;
    const length = ({ begin, end }: TensorLocation) => end - begin;
    expect(await loadWith((t) => ({ begin: far, end: far + length(t) }))).toBe('TENSOR_BYTES');
    expect(await loadWith((t) => ({ begin: far - 4, end: far - 4 + length(t) }))).toBe('TENSOR_BYTES');
    expect(await loadWith((t) => ({ begin: 2 ** 52, end: 2 ** 52 + length(t) }))).toBe('TENSOR_BYTES');
    expect(await loadWith((t) => ({ end: t.end - 4 }))).toBe('TENSOR_BYTES');
    expect(await loadWith((t) => ({ begin: t.end, end: t.begin }))).toBe('BAD_ARGUMENT');
    expect(await loadWith(() => ({ begin: -4 }))).toBe('BAD_ARGUMENT');
  });

  it('that have no bytes, of sides that can only overflow, are refused', async () => {
    const { config, tensors } = await read();
    const engine = newEngine();
    await engine.load(config, tensors);
    const whole = { ...tensors[3]!, kind: 'weight' as const };
    for (const shape of [[0, 2 ** 40, 2 ** 40], [2 ** 40, 0, 2 ** 40], [2 ** 52, 2 ** 52], [-1]])
      expect(await codeOf(engine.readTensors([{ ...whole, shape, begin: 8, end: 8 }]))).toBe('TENSOR_BYTES');
    expect(await codeOf(engine.readTensors([{ ...whole, begin: 1e300, end: 1e300 }]))).toBe('BAD_ARGUMENT');
    expect(await codeOf(engine.setOptimizerSteps(1e300))).toBe('BAD_ARGUMENT');
  });

  it('in a pipe keep nobody waiting', async () => {
    const file = join(temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [file]);
    expect(await loadWith(() => ({ file }))).toBe('FILE_READ');
  });

  it.runIf(existsSync('/sys/devices/system/cpu/online'))(
    "in a file that can't be mapped are refused with the system's reason",
    async () => {
      const { config, tensors } = await read();
      const file = '/sys/devices/system/cpu/online';
      await expect(
        newEngine().load(
          config,
          tensors.map((tensor) => ({ ...tensor, file })),
        ),
      ).rejects.toMatchObject({
        code: 'FILE_READ',
        message: expect.stringMatching(/cannot map .*online into memory: No such device/) as string,
      });
    },
  );

  it('of another shape, type or file are refused', async () => {
    expect(await loadWith(() => ({ shape: [1, 1] }))).toBe('TENSOR_MISMATCH');
    expect(await loadWith(() => ({ name: 'other' }))).toBe('TENSOR_MISMATCH');
    expect(await loadWith(() => ({ dtype: 'BF16' }))).toBe('TENSOR_BYTES');
    expect(await loadWith(() => ({ dtype: wrong('I64') }))).toBe('BAD_ARGUMENT');
    expect(await loadWith(() => ({ file: join(FOLDER, 'none') }))).toBe('FILE_READ');
    expect(await loadWith(() => ({ file: FOLDER }))).toBe('FILE_READ');
  });

  it('of a configuration that makes no sense are refused', async () => {
    const same = () => ({});
    expect(await loadWith(same, { hiddenSize: 0 })).toBe('BAD_ARGUMENT');
    expect(await loadWith(same, { numHiddenLayers: -1 })).toBe('BAD_ARGUMENT');
    expect(await loadWith(same, { hiddenSize: 32 })).toBe('TENSOR_MISMATCH');
    expect(await loadWith(same, { ropeInvFreq: wrong(new Float32Array(8)) })).toBe('BAD_ARGUMENT');
  });

  it('in an odd place of the file are read all the same', async () => {
    const { config, tensors } = await read();
    const bytes = readFileSync(join(FOLDER, 'model.safetensors'));
    const file = join(temporaryFolder(), 'odd.bin');
    writeFileSync(file, Buffer.concat([Buffer.of(0), bytes]));
    const odd = newEngine();
    await odd.load(
      config,
      tensors.map((t) => ({ ...t, file, begin: t.begin + 1, end: t.end + 1 })),
    );
    const even = newEngine();
    await even.load(config, tensors);
    expect(await odd.logits(ints(1, 2))).toEqual(await even.logits(ints(1, 2)));
  });

  it('of a file that was cut short are refused by the model, and a failed load leaves nothing behind', async () => {
    const folder = join(temporaryFolder(), 'model');
    mkdirSync(folder);
    cpSync(FOLDER, folder, { recursive: true });
    const file = join(folder, 'model.safetensors');
    truncateSync(file, readFileSync(file).length - 100);
    expect(await codeOf(loadModel(folder))).toBe('SAFETENSORS_INVALID');
    copyFileSync(join(FOLDER, 'model.safetensors'), file);
    await loadModel(folder);
  });
});
