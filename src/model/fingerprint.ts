/** Tells models of one shape apart, and chat templates. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ModelConfig } from '../engine/types.js';
import type { ChatTemplate } from './chat-template.js';
import { locateTensors } from './safetensors.js';

/** Bytes of each tensor that are looked at: training changes numbers everywhere, so that a few tell it. */
const LOOKED_AT = 4096;

/** SHA-256, in hexadecimal, of the names, formats and shapes of a model's tensors, and of the first numbers of each. */
export async function fingerprint(folder: string, config: ModelConfig): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, file, dtype, shape, begin, end } of await locateTensors(folder, config)) {
    const handle = await open(file);
    try {
      const first = Buffer.alloc(Math.min(LOOKED_AT, end - begin));
      await handle.read(first, 0, first.length, begin);
      hash.update(JSON.stringify([name, dtype, shape])).update(first);
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex');
}

/** SHA-256, in hexadecimal, of a chat template's text. */
export const templateFingerprint = ({ source }: ChatTemplate): string =>
  createHash('sha256').update(source).digest('hex');
