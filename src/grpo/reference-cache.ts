/**
 * A cache of the reference model's log-probs, by token path (prompt and completion).
 * Prompts come back every epoch and short answers repeat, so after a few epochs hardly any path is new.
 * With a file, a resumed run starts with the log-probs that were computed before.
 */
import { parseJson } from '../common/json.js';
import { once, type TrainableModel } from '../model/trainable.js';
import { LineFile } from '../machine/line-file.js';
import { readFile } from 'node:fs/promises';

/** Nodes that are kept, of about 100 bytes each. Paths that do not fit are computed each time. */
const CAPACITY = 2_000_000;

/** A token after one prefix, in a trie of the completions of a prompt. */
interface Node {
  /** Log-prob of the token under the reference model, nats; NaN at the root. */
  logp: number;
  children: Map<number, Node> | undefined;
}

/** A batch whose prompts are identified, so that their paths are found again in later steps. */
export interface PathBatch {
  /** Index of each prompt in the training split. */
  promptIndices: number[];
  prompts: Int32Array[];
  completions: Int32Array[];
  promptOf: Int32Array;
}

/** A line of the file: one completion with its log-probs. */
interface Line {
  step: number;
  temperature: number;
  prompt: number;
  ids: number[];
  /** float32, little-endian, base64: JSON's decimals are four times as long. */
  logps: string;
}

type Scorer = Pick<TrainableModel, 'score' | 'once'>;

export class ReferenceCache {
  readonly #model: Scorer;
  readonly #temperature: number;
  readonly #file: LineFile | undefined;
  readonly #roots = new Map<number, Node>();
  #size = 0;

  private constructor(model: Scorer, temperature: number, file: LineFile | undefined) {
    this.#model = model;
    this.#temperature = temperature;
    this.#file = file;
  }

  /**
   * @param path of the file; entries of steps after `step` and of other temperatures are removed from it. Of
   *   several processes that train together one has it, and all have the same cache
   */
  static async open(model: Scorer, temperature: number, path?: string, step = 0): Promise<ReferenceCache> {
    const file = path === undefined ? undefined : await openFile(path, temperature, step);
    const cache = new ReferenceCache(model, temperature, file);
    const lines = await once(model, async () => (path === undefined ? '' : readFile(path, 'utf8')));
    for (const line of lines.split('\n')) {
      const entry = parseJson(line) as Line | undefined;
      if (entry) cache.#keep(entry.prompt, entry.ids, decode(entry.logps));
    }
    return cache;
  }

  /**
   * Log-probability of each completion token under the reference model, nats: `[tokens]`, completions one after
   * another. Only completions that are not in the cache are forwarded.
   */
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

  /** Empties the cache; called after the weights of the reference model have changed. */
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

  /** The log-probs of a completion; undefined unless the cache has all of them. */
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

  /**
   * Adds a completion to the cache; a node keeps the value that it got first.
   * @returns whether any node is new
   */
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

const openFile = (path: string, temperature: number, step: number): Promise<LineFile> =>
  LineFile.open(path, {
    keep: (line) => {
      const entry = parseJson(line) as Line | undefined;
      return !!entry && entry.step <= step && entry.temperature === temperature;
    },
  });

const encode = (values: Float32Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
function decode(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer, 0, bytes.length / 4);
}
