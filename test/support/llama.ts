/** llama.cpp, by node-llama-cpp's prebuilt CPU library. */
import { onTestFinished } from 'vitest';
import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp';

export interface Answer {
  prompt: number[];
  completion: number[];
}

/** Opens a GGUF file; the answer to a prompt is the likeliest token at each position, `length` of them at most. */
export async function openGguf(file: string): Promise<(prompt: string, length: number) => Promise<Answer>> {
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({
    contextSize: 256,
    threads: 1,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  });
  const sequence = context.getSequence();
  onTestFinished(() => llama.dispose());
  return async (prompt, length) => {
    await sequence.clearHistory();
    const ids = model.tokenize(prompt);
    const begin = model.tokens.shouldPrependBosToken ? [model.tokens.bos!, ...ids] : ids;
    const completion: Token[] = [];
    for await (const token of sequence.evaluate(begin, { temperature: 0, yieldEogToken: true })) {
      completion.push(token);
      if (completion.length === length || token === model.tokens.eos) break;
    }
    return { prompt: begin, completion };
  };
}
