import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { judge } from '../../../src/data/rewards/judge.js';
import { codeOf } from '../../support/fixtures.js';
import { loadOne, problemOf } from '../../support/rewards.js';

interface Chat {
  model: string;
  messages: { content: string }[];
}

/** Stands in for a server of a language model: what it says is the reply that it is asked about. */
let said: Chat[] = [];
let authorization: string | undefined;
let fails = false;
const openai = createServer((request, response) => {
  authorization = request.headers.authorization;
  void json(request).then((body) => {
    const chat = body as Chat;
    said.push(chat);
    if (fails || request.url !== '/v1/chat/completions') return response.writeHead(404).end('no such page');
    const [, reply] = /<reply>(.*)<\/reply>/s.exec(chat.messages[0]!.content)!;
    return response.end(JSON.stringify({ choices: [{ message: { content: reply } }] }));
  });
});
let child: ReturnType<typeof spawn>;
let url: string;

beforeAll(async () => {
  await new Promise<void>((done) => openai.listen(0, '127.0.0.1', done));
  const { port } = openai.address() as AddressInfo;
  child = spawn(process.execPath, ['examples/judge.mjs'], {
    env: {
      ...process.env,
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      OPENAI_API_KEY: 'key',
      JUDGE_MODEL: 'judge-7b',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  url = /http:\S+/.exec(String(line))![0];
});

afterAll(() => {
  child.kill();
  openai.close();
  openai.closeAllConnections();
});

it('asks an OpenAI-compatible server for a score of each completion', async () => {
  const problem = problemOf('10');
  const reward = await loadOne(url, problem);
  said = [];
  const completions = [' 7.', 'hard to say', '10', '0', '11'].map((completion) => ({
    ...problem,
    completion,
    problem,
  }));
  expect(await judge(reward.reward, completions)).toEqual([0.7, NaN, 1, 0, NaN]);
  expect(said).toHaveLength(5);
  expect(said[0]).toMatchObject({ model: 'judge-7b', temperature: 0 });
  expect(said[0]!.messages[0]!.content).toContain('<reference>10</reference>');
  expect(authorization).toBe('Bearer key');
});

it('fails where that server does', async () => {
  fails = true;
  expect(await codeOf(loadOne(url, problemOf('10')))).toBe('JUDGE_REFUSED');
});
