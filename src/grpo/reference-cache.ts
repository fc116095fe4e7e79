/**
 * Log-probs of the frozen reference, computed once a token path.
 * Prompts come back every epoch and short answers repeat themselves, so after a few epochs
 * hardly any path is new. With a file, a resumed run knows what the first one knew.
 */
import { parseJson } from '../common/json.js';
import type { TrainableModel } from '../model/trainable.js';
import { LineFile } from '../machine/line-file.js';
import { readFile } from 'node:fs/promises';

/** Nodes kept; beyond it paths are computed each time (a node is about 100 bytes). */
const CAPACITY = 2_000_000;

interface Node {
  /** NaN: not known. */
  logp: number;
  children: Map<number, Node> | undefined;
}

export interface PathBatch {
  /** Stable identity of each prompt. */
  promptIndices: number[];
  prompts: Int32Array[];
  completions: Int32Array[];
  promptOf: Int32Array;
}

interface Line {
  step: number;
  temperature: number;
  prompt: number;
  ids: number[];
  /** float32, little-endian, base64: JSON's decimals are four times as long. */
  logps: string;
}

export class ReferenceCache {
  readonly #model: Pick<TrainableModel, 'score'>;
  readonly #temperature: number;
  readonly #file: LineFile | undefined;
  readonly #roots = new Map<number, Node>();
  #size = 0;

  private constructor(model: Pick<TrainableModel, 'score'>, temperature: number, file: LineFile | undefined) {
    this.#model = model;
    this.#temperature = temperature;
    this.#file = file;
  }

  /** @param path of the file; entries of steps after `step`, and of other temperatures, are dropped from it */
  static async open(model: Pick<TrainableModel, 'score'>, temperature: number, path?: string, step = 0) {
    if (path === undefined) return new ReferenceCache(model, temperature, undefined);
    const file = await LineFile.open(path, {
      keep: (line) => {
        const entry = parseJson(line) as Line | undefined;
        return !!entry && entry.step <= step && entry.temperature === temperature;
      },
    });
    const cache = new ReferenceCache(model, temperature, file);
    for (const line of (await readFile(path, 'utf8')).split('\n')) {
      const entry = parseJson(line) as Line | undefined;
      if (entry) cache.#keep(entry.prompt, entry.ids, decode(entry.logps));
    }
    return cache;
  }

  /** Log-prob of each completion token, completions one after another. */
  async logps(batch: PathBatch, step: number): Promise<{ logps: Float32Array; computed: number }> {
    const missing: number[] = [];
    batch.completions.forEach((ids, i) => {
      if (!this.#find(batch.promptIndices[batch.promptOf[i]!]!, ids)) missing.push(i);
    });
    let computed = 0;
    const fresh = new Map<number, Float32Array>();
    if (missing.length > 0) {
      const prompts = [...new Set(missing.map((i) => batch.promptOf[i]!))];
      const completions = missing.map((i) => batch.completions[i]!);
      const scores = await this.#model.score(
        {
          prompts: prompts.map((prompt) => batch.prompts[prompt]!),
          completions,
          promptOf: Int32Array.from(missing, (i) => prompts.indexOf(batch.promptOf[i]!)),
        },
        { which: 'reference', temperature: this.#temperature },
      );
      computed = scores.computed;
      let lines = '';
      let offset = 0;
      for (const i of missing) {
        const ids = batch.completions[i]!;
        const logps = scores.logps.slice(offset, (offset += ids.length));
        fresh.set(i, logps);
        const prompt = batch.promptIndices[batch.promptOf[i]!]!;
        if (this.#keep(prompt, ids, logps))
          lines += `${JSON.stringify({ step, temperature: this.#temperature, prompt, ids: [...ids], logps: encode(logps) } satisfies Line)}\n`;
      }
      if (lines) await this.#file?.append(lines);
    }
    const all = batch.completions.flatMap((ids, i) => [
      ...(this.#find(batch.promptIndices[batch.promptOf[i]!]!, ids) ?? fresh.get(i)!),
    ]);
    return { logps: Float32Array.from(all), computed };
  }

  /** After the reference has changed. */
  forget(): void {
    this.#roots.clear();
    this.#size = 0;
  }

  async sync(): Promise<void> {
    await this.#file?.sync();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** The path's log-probs, when all of them are known. */
  #find(prompt: number, ids: ArrayLike<number>): Float32Array | undefined {
    let node = this.#roots.get(prompt);
    const logps = new Float32Array(ids.length);
    for (let t = 0; t < ids.length; t++) {
      node = node?.children?.get(ids[t]!);
      if (!node) return undefined;
      logps[t] = node.logp;
    }
    return logps;
  }

  /** Whether anything new was kept. A node keeps the value it got first. */
  #keep(prompt: number, ids: ArrayLike<number>, logps: Float32Array): boolean {
    if (this.#size + ids.length > CAPACITY) return false;
    let node = this.#roots.get(prompt);
    if (!node) this.#roots.set(prompt, (node = { logp: NaN, children: undefined }));
    const before = this.#size;
    for (let t = 0; t < ids.length; t++) {
      node.children ??= new Map();
      let child = node.children.get(ids[t]!);
      if (!child) {
        child = { logp: logps[t]!, children: undefined };
        node.children.set(ids[t]!, child);
        this.#size++;
      }
      node = child;
    }
    return this.#size > before;
  }
}

const encode = (values: Float32Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
function decode(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer, 0, bytes.length / 4);
}
