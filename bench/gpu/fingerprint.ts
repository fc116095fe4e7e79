/** Whether numbers are the same to the bit. */
import { createHash, type Hash } from 'node:crypto';

type Numbers = Float32Array | Int32Array;

/** A hash that arrays are added to, one after another. */
export class Fingerprint {
  readonly #hash: Hash = createHash('sha256');

  add(...arrays: Numbers[]): this {
    for (const array of arrays) this.#hash.update(array);
    return this;
  }

  /** May be called once. */
  text(): string {
    return this.#hash.digest('hex').slice(0, 12);
  }
}

export const fingerprint = (...arrays: Numbers[]): string => new Fingerprint().add(...arrays).text();
