/**
 * A judge: scores completions by asking a language model behind an OpenAI-compatible server (vLLM, llama.cpp, Ollama,
 * OpenAI), for a run that is given its address.
 *
 *     OPENAI_BASE_URL=http://127.0.0.1:8000/v1 JUDGE_MODEL=Qwen/Qwen2.5-7B-Instruct node examples/judge.mjs
 *     npx grpo-native train --task ./my-task.ts --reward http://127.0.0.1:7000
 *
 * It is sent a JSON list of { prompt, completion, answer, columns }, of a conversation with its messages, and answers
 * with a list of numbers from 0 to 1; null where the model gave no score. OPENAI_API_KEY is sent where it is set; PORT
 * is 7000 unless it says otherwise.
 */
/* global fetch */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

const {
  OPENAI_BASE_URL = 'http://127.0.0.1:8000/v1',
  OPENAI_API_KEY,
  JUDGE_MODEL = 'default',
  PORT = '7000',
} = process.env;

/** Questions that are open at a time. */
const AT_ONCE = 8;

const question = ({ prompt, completion, answer }) => `Here is a question, a reference answer and a reply.

<question>${prompt}</question>
<reference>${answer}</reference>
<reply>${completion}</reply>

How good is the reply? Say nothing but a whole number from 0 (wrong or useless) to 10 (as good as the reference).`;

/** A score from 0 to 1; null where the model's reply begins with no number from 0 to 10. */
async function score(item) {
  const response = await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(OPENAI_API_KEY && { authorization: `Bearer ${OPENAI_API_KEY}` }),
    },
    body: JSON.stringify({
      model: JUDGE_MODEL,
      messages: [{ role: 'user', content: question(item) }],
      temperature: 0,
      max_tokens: 8,
    }),
  });
  if (!response.ok)
    throw new Error(`${OPENAI_BASE_URL} answered ${response.status}: ${await response.text()}`);
  const { choices } = await response.json();
  const [said] = /^\s*\d+/.exec(choices[0].message.content ?? '') ?? [];
  return said === undefined || Number(said) > 10 ? null : Number(said) / 10;
}

/** Scores in the order of the items, some at a time. */
async function scores(items) {
  const results = new Array(items.length).fill(null);
  let next = 0;
  const work = async () => {
    for (let i; (i = next++) < items.length;) results[i] = await score(items[i]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

const server = createServer(async (request, response) => {
  try {
    const answer = await scores(await json(request));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  } catch (error) {
    console.error(error);
    // 502: the run tries again.
    response.writeHead(502).end(error.message);
  }
});
server.listen(Number(PORT), '127.0.0.1', () =>
  console.log(`judging at http://127.0.0.1:${server.address().port}`),
);
