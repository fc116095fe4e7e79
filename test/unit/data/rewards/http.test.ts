import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { judge } from '../../../../src/data/rewards/judge.js';
import { codeOf } from '../../../support/fixtures.js';
import { loadOne, problemOf } from '../../../support/rewards.js';

interface Asked {
  prompt: string;
  completion: string;
  answer: string;
  columns: Record<string, unknown>;
}

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A judge on a free port of this machine. */
async function serve(
  answer: (asked: Asked[], response: ServerResponse, request: IncomingMessage) => unknown,
): Promise<string> {
  const server = createServer((request, response) => {
    void json(request).then((asked) => {
      const values = answer(asked as Asked[], response, request);
      if (!response.headersSent && values !== undefined) response.end(JSON.stringify(values));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/judge`;
}

const lengths = (asked: Asked[]) =>
  asked.map(({ completion }) => (completion === '' ? null : completion.length / 10));
const problem = problemOf('right', { columns: { id: 7n, topic: 'birds' } });
const completions = ['a', '', 'abcdefgh'].map((completion) => ({ ...problem, completion, problem }));

describe('a judge over HTTP', () => {
  it('is sent batches, and its numbers and nulls are the rewards', async () => {
    const batches: Asked[][] = [];
    const url = await serve((asked) => {
      batches.push(asked);
      return lengths(asked);
    });
    const reward = await loadOne({ http: { url, batch_size: 2 } }, problem);
    expect(await judge(reward.reward, completions)).toEqual([0.1, NaN, 0.8]);
    expect(batches.map(({ length }) => length)).toEqual([1, 2, 1]); // the first is the trial
    expect(batches[1]![0]).toEqual({
      prompt: problem.prompt,
      completion: 'a',
      answer: 'right',
      columns: { id: 7, topic: 'birds' },
    });
    expect(reward.isCorrect!(completions[0]!, 0.1)).toBe(false);
    expect(reward.isCorrect!(completions[2]!, 0.8)).toBe(true);
  });

  it('is sent a conversation, and the token of an environment variable', async () => {
    const messages = [{ role: 'user', content: 'Question' }];
    const chat = problemOf('right', { messages });
    const seen: unknown[] = [];
    const url = await serve((asked, _, { headers }) => {
      seen.push([headers.authorization, asked]);
      return lengths(asked);
    });
    vi.stubEnv('TEST_JUDGE_TOKEN', 'secret');
    const reward = await loadOne({ http: { url, token_env: 'TEST_JUDGE_TOKEN' } }, chat);
    await judge(reward.reward, [{ ...chat, completion: 'a', problem: chat }]);
    expect(seen[1]).toEqual([
      'Bearer secret',
      [{ prompt: chat.prompt, messages, completion: 'a', answer: 'right', columns: {} }],
    ]);
    vi.stubEnv('TEST_JUDGE_TOKEN', '');
    expect(await codeOf(loadOne({ http: { url, token_env: 'TEST_JUDGE_TOKEN' } }, chat))).toBe('BAD_REWARD');
    expect(seen).toHaveLength(2);
  });

  it('is named by its address alone', async () => {
    const url = await serve(lengths);
    expect(await judge((await loadOne(url, problem)).reward, completions)).toEqual([0.1, NaN, 0.8]);
  });

  it('is asked again after a failure that may pass', async () => {
    let calls = 0;
    const url = await serve((asked, response) => {
      if (++calls === 2) return response.writeHead(503).end('busy');
      if (calls === 3) return void response.destroy();
      return lengths(asked);
    });
    const reward = await loadOne(url, problem);
    expect(await judge(reward.reward, completions)).toEqual([0.1, NaN, 0.8]);
    expect(calls).toBe(4);
  });

  it('that goes on failing fails the reward, with what it said', async () => {
    let down = false;
    const url = await serve((asked, response) =>
      down ? response.writeHead(500).end('out of memory') : lengths(asked),
    );
    const reward = await loadOne({ http: { url, retries: 1 } }, problem);
    down = true;
    await expect(judge(reward.reward, completions)).rejects.toMatchObject({
      code: 'JUDGE_REFUSED',
      message: expect.stringMatching(/500: out of memory/) as string,
    });
  });

  it.each<[string, (asked: Asked[], response: ServerResponse) => unknown, string, RegExp]>([
    [
      'refuses',
      (_, response) => response.writeHead(404).end('no such page'),
      'JUDGE_REFUSED',
      /404: no such page/,
    ],
    ['gives too few', () => [], 'JUDGE_ANSWER', /0 values for 1 completion$/],
    ['gives a text', () => ['1'], 'JUDGE_ANSWER', /\["1"\]/],
    ['gives no JSON', (_, response) => response.end('fine!'), 'JUDGE_ANSWER', /fine!/],
    ['never answers', () => undefined, 'JUDGE_UNREACHABLE', /within 0\.3 s/],
  ])('that %s is refused before work starts', async (_, answer, code, message) => {
    const url = await serve(answer);
    await expect(loadOne({ http: { url, timeout: 0.3 } }, problem)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('that is not there is refused before work starts', async () => {
    const url = await serve(lengths);
    servers.splice(0).forEach((server) => server.close());
    expect(await codeOf(loadOne(url, problem))).toBe('JUDGE_UNREACHABLE');
  });
});
