/** Philox4x32-10 (Salmon et al. 2011) in BigInt: apart from the engine's own, and checked against the paper's answers. */

type Words4 = [bigint, bigint, bigint, bigint];

const MASK = 0xffffffffn;

export function philox(counter: Words4, key: [bigint, bigint]): Words4 {
  let [x0, x1, x2, x3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * x0;
    const b = 0xcd9e8d57n * x2;
    [x0, x1, x2, x3] = [(b >> 32n) ^ x1 ^ k0, b & MASK, (a >> 32n) ^ x3 ^ k1, a & MASK];
    k0 = (k0 + 0x9e3779b9n) & MASK;
    k1 = (k1 + 0xbb67ae85n) & MASK;
  }
  return [x0, x1, x2, x3];
}

/** The first two words as 53 bits in [0, 1). */
export function uniformOf([high, low]: Words4): number {
  return Number(((high << 32n) | low) >> 11n) / 2 ** 53;
}
