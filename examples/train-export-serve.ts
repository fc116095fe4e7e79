/**
 * Teaches the embedded model arithmetic, writes it as a GGUF file, and serves it by llama.cpp. Needs node-llama-cpp:
 *
 *     npm install node-llama-cpp
 *     npx tsx examples/train-export-serve.ts
 *     curl 'http://127.0.0.1:8080/?prompt=Calculate:%2015%20%2B%208%20=%20'
 */
import { createServer } from 'node:http';
import { exportGguf, train } from 'grpo-native';

const STEPS = Number(process.env.STEPS ?? 200);
const PORT = Number(process.env.PORT ?? 8080);

const llamaCpp = await import('node-llama-cpp').catch(() => {
  throw new Error('to serve the model, install node-llama-cpp: npm install node-llama-cpp');
});

const { finalModel, after } = await train({ model: 'tiny', maxSteps: STEPS, outputDir: 'runs/served' });
console.log(`trained: held-out accuracy ${((after?.accuracy ?? 0) * 100).toFixed(1)}%`);
const { file } = await exportGguf({ model: finalModel!, dtype: 'q8_0', output: 'runs/served/model.gguf' });

const llama = await llamaCpp.getLlama({ gpu: false });
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({ contextSize: 512, sequences: 4 });

const server = createServer((request, response) => {
  const prompt = new URL(request.url ?? '/', 'http://localhost').searchParams.get('prompt') ?? '';
  void complete(prompt).then(
    (text) => response.end(`${text}\n`),
    (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
  );
});
server.listen(PORT, '127.0.0.1', () =>
  console.log(`serving ${file} at http://127.0.0.1:${PORT}/?prompt=...`),
);

/** The likeliest completion of a prompt, up to its first word's end. */
async function complete(prompt: string): Promise<string> {
  const sequence = context.getSequence();
  try {
    const completion = new llamaCpp.LlamaCompletion({ contextSequence: sequence });
    return await completion.generateCompletion(prompt, {
      maxTokens: 8,
      temperature: 0,
      customStopTriggers: [' ', '\n'],
    });
  } finally {
    await sequence.dispose();
  }
}
