import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DatasetTaskOptions } from '../../../../src/data/datasets/options.js';
import { sameSource } from '../../../../src/data/datasets/source.js';
import { loadDatasetTask } from '../../../../src/data/datasets/task.js';
import { chosenTask, loadDataset, loadStages, splitOf } from '../../../../src/data/tasks/index.js';
import type { Problem } from '../../../../src/data/tasks/task.js';
import { codeOf, fixtures, temporaryFolder } from '../../../support/fixtures.js';

/** A folder with these files; a list is written as JSON Lines. */
function folderOf(files: Record<string, string | object[]>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' ? content : linesOf(content));
  }
  return folder;
}

const linesOf = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const fileOf = (rows: object[], name = 'tickets.jsonl') => join(folderOf({ [name]: rows }), name);

async function problemsOf(
  datasetName: string,
  options: Omit<DatasetTaskOptions, 'datasetName'> = {},
): Promise<Problem[]> {
  return (await loadDatasetTask({ datasetName, ...options })).problems();
}

/** Code, message and remedy, without folders. */
async function faultOf(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  let text = '';
  const code = await codeOf(
    work.catch((error: unknown) => {
      const { message, fix } = error as Error & { fix: string };
      text = `${message} | ${fix}`.replaceAll(/\/\S*grpo-native-test-\w+\/?/g, '');
      throw error;
    }),
  );
  return { code, text };
}

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `problem ${from + i}`, answer: i }));

describe('a row', () => {
  it('becomes a problem with all of its columns', async () => {
    const row = { prompt: 'Say yes: ', answer: 'yes', note: { a: [1, null] } };
    expect(await problemsOf(fileOf([row]))).toEqual([{ prompt: 'Say yes: ', answer: 'yes', columns: row }]);
  });

  it.each([
    [7, '7'],
    [-0.5, '-0.5'],
    [1e21, 'refused'],
    [2 ** 53, 'refused'],
    [true, 'true'],
    [['one'], 'one'],
    [[3], '3'],
    [{ role: 'assistant', content: 'said' }, 'said'],
    [[{ role: 'assistant', content: 'said' }], 'said'],
    [null, 'refused'],
    ['', 'refused'],
    [' \n', 'refused'],
    [['a', 'b'], 'refused'],
    [[], 'refused'],
    [{ a: 1 }, 'refused'],
  ])('with the answer %j has %j', async (answer, text) => {
    const file = fileOf([
      { prompt: 'a', answer: 'first' },
      { prompt: 'b', answer },
    ]);
    const [, problem] = await problemsOf(file).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'DATASET_ROW', value: `${file}:2` });
      return [undefined, { answer: 'refused' }];
    });
    expect(problem!.answer).toBe(text);
  });

  it('that lacks something is named', async () => {
    const fault = (rows: object[]) => faultOf(problemsOf(fileOf([...numbered(1), ...rows])));
    expect((await fault([{ prompt: 'x' }])).text).toContain('tickets.jsonl:2: has no answer (column answer)');
    expect((await fault([{ answer: 'x' }])).text).toContain('tickets.jsonl:2: has no prompt (column prompt)');
    expect((await fault([...numbered(3), { prompt: '', answer: 1 }])).text).toContain(
      'tickets.jsonl:5: its prompt (column prompt) is empty',
    );
    expect(await fault([{ prompt: { a: 1 }, answer: 1 }])).toEqual({
      code: 'DATASET_ROW',
      text: 'tickets.jsonl:2: its prompt (column prompt) is {"a":1}, neither a text nor a number that is kept exactly | write it as a text',
    });
  });
});

describe('a conversation', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Why?' },
  ];
  const problem = { prompt: 'system: Be brief.\nuser: Why?', messages, answer: '1' };

  it('is a list of messages, or the JSON of one', async () => {
    for (const prompt of [messages, JSON.stringify(messages, null, 2)])
      expect(await problemsOf(fileOf([{ prompt, answer: 1 }]))).toMatchObject([problem]);
    const csv = `prompt,answer\n"${JSON.stringify(messages).replaceAll('"', '""')}",1\n`;
    expect(await problemsOf(join(folderOf({ 'a.csv': csv }), 'a.csv'))).toMatchObject([problem]);
    const parquet = await problemsOf(join(fixtures, 'datasets', 'zstd.parquet'), { answerColumn: 'label' });
    expect(parquet.slice(0, 2)).toMatchObject([
      {
        prompt: 'How much is 1 + 1?',
        answer: 'yes',
        messages: [{ role: 'user', content: 'How much is 1 + 1?' }],
      },
      { prompt: 'system: Be brief.\nuser: Why?', answer: 'no', messages },
    ]);
  });

  it('has messages of texts alone, other keys aside', async () => {
    const parts = [
      { type: 'text', text: 'Wh' },
      { type: 'text', text: 'y?' },
    ];
    const prompt = [messages[0], { role: 'user', content: parts, name: 'me' }];
    expect(await problemsOf(fileOf([{ prompt, answer: 1 }]))).toMatchObject([problem]);
    const image = [{ role: 'user', content: [{ type: 'image', url: 'a.png' }] }];
    expect(await codeOf(problemsOf(fileOf([{ prompt: image, answer: 1 }])))).toBe('DATASET_ROW');
  });

  it('that holds its answer already is refused', async () => {
    const prompt = [...messages, { role: 'assistant', content: 'Because.' }];
    expect((await faultOf(problemsOf(fileOf([{ prompt, answer: 1 }])))).text).toContain(
      "tickets.jsonl:1: its conversation ends with the assistant's message",
    );
  });

  it('may be a text that only looks like one', async () => {
    for (const prompt of ['[{', '[{"role": "user"}]', '[1, 2] = ', '[]'])
      expect(await problemsOf(fileOf([{ prompt, answer: 1 }]))).toEqual([
        { prompt, answer: '1', columns: { prompt, answer: 1 } },
      ]);
  });
});

describe('columns', () => {
  it('that are not named are found by their names', async () => {
    const task = await loadDatasetTask({ datasetName: fileOf([{ id: 1, Text: 'q', label: 'a' }]) });
    expect(task.notices).toEqual([
      'tickets: 1 rows of tickets.jsonl, one in five of them held out; prompt: column Text, answer: column label',
    ]);
    expect(await task.problems()).toMatchObject([{ prompt: 'q', answer: 'a' }]);
    // The first rows may leave some out.
    const late = fileOf([
      { question: 'q', answer: 'a' },
      { question: 'r', answer: 'b', note: 1 },
    ]);
    expect(await problemsOf(late, { promptTemplate: '{question}' })).toHaveLength(2);
  });

  it.each([
    [{ x: 1, answer: 1 }, {}, 'has no column that is the prompt by its name', '--prompt-column NAME'],
    [
      { text: 'a', question: 'b', answer: 1 },
      {},
      'may be the prompt: text, question',
      'text, question, answer',
    ],
    [{ prompt: 'a', label: 1, target: 2 }, {}, 'may be the answer: label, target', '--answer-column NAME'],
    [{ prompt: 'a', x: 1 }, {}, 'has no column that is the answer', 'its columns are prompt, x'],
    [
      { prompt: 'a', answer: 1 },
      { answerColumn: 'anwser' },
      'no column "anwser" (answer_column)',
      'did you mean answer?',
    ],
    [
      { prompt: 'a', answer: 1 },
      { promptColumn: 'zzz' },
      'no column "zzz" (prompt_column)',
      'columns are prompt, answer',
    ],
    [
      { prompt: 'a', answer: 1 },
      { promptTemplate: '{promt}!' },
      'no column "promt" (prompt_template)',
      'did you mean prompt?',
    ],
  ] as [object, Partial<DatasetTaskOptions>, string, string][])(
    'of %j with %j are refused',
    async (row, options, message, fix) => {
      const { code, text } = await faultOf(problemsOf(fileOf([row]), options));
      expect(code).toBe('DATASET_COLUMN');
      expect(text).toContain(message);
      expect(text).toContain(fix);
    },
  );

  it('make a prompt by a template', async () => {
    const row = { question: 'Why?', 'the choices': ['a', 'b'], n: 3, context: null, label: 'x' };
    const options = { promptTemplate: '{{{n}}} Q: {question}{context}\\nC: {the choices}\nA\\\\n:' };
    expect(await problemsOf(fileOf([row]), options)).toMatchObject([
      { prompt: '{3} Q: Why?\nC: ["a","b"]\nA\\n:', answer: 'x' },
    ]);
    // In a later row a column is missing, which is not the same as empty.
    const rows = [row, { ...row, question: undefined }];
    expect((await faultOf(problemsOf(fileOf(rows), options))).text).toContain(
      'tickets.jsonl:2: has no column question',
    );
  });

  it.each(['Q: {question', 'Q: question}', 'Q: {}', 'Q: {{question}}', '{{{question}}'])(
    'in the template %j are refused',
    async (promptTemplate) => {
      expect(await codeOf(problemsOf(fileOf([{ question: 'a', answer: 1 }]), { promptTemplate }))).toBe(
        'PROMPT_TEMPLATE',
      );
    },
  );
});

describe('splits', () => {
  const prompts = (problems: Problem[]) => problems.map(({ prompt }) => prompt).sort();
  const shared = { prompt: 'in both', answer: 1 };
  const files = {
    'train-00000-of-00002.jsonl': numbered(20),
    'train-00001-of-00002.jsonl': [...numbered(20, 20), shared],
    'test-00000-of-00001.jsonl': [shared, ...numbered(10, 100)],
    'validation.jsonl': numbered(5, 200),
    'README.md': 'Data.',
    'dataset_info.json': '{}',
    '.cache/x.csv': 'a',
  };

  it('are those of the names of files', async () => {
    const folder = folderOf(files);
    const task = await loadDatasetTask({ datasetName: folder });
    const { train, heldOut } = await loadDataset(task);
    expect(prompts(heldOut)).toEqual(prompts([shared, ...numbered(10, 100)] as unknown as Problem[]));
    // What is asked in the end is not learned from.
    expect(prompts(train)).toEqual(prompts(numbered(40) as unknown as Problem[]));
    expect(task.notices![0]).toContain(
      '41 rows of train-00000-of-00002.jsonl, train-00001-of-00002.jsonl to learn from, 11 rows of test-00000-of-00001.jsonl held out',
    );
    expect(task.notices![0]).toContain('not read: the split validation');
  });

  it('can be chosen', async () => {
    const datasetName = folderOf(files);
    const held = async (options: Partial<DatasetTaskOptions>) =>
      (await loadDataset(await loadDatasetTask({ datasetName, ...options }))).heldOut.length;
    expect(await held({ datasetTestSplit: 'validation' })).toBe(5);
    expect(await held({ datasetTrainSplit: 'validation' })).toBe(11);
    expect(await held({ datasetTrainSplit: 'validation', datasetTestSplit: 'train' })).toBe(41);
    expect(await codeOf(held({ datasetTrainSplit: 'test', datasetTestSplit: 'test' }))).toBe(
      'BAD_COMBINATION',
    );
    const { code, text } = await faultOf(held({ datasetTestSplit: 'exam' }));
    expect(code).toBe('DATASET_SPLIT');
    expect(text).toContain('are test, train, validation');
  });

  it('are made by the hash where there is no test split', async () => {
    const file = fileOf(numbered(100), 'test.jsonl');
    const { train, heldOut } = await loadDataset(await loadDatasetTask({ datasetName: file }));
    expect(heldOut.every(({ prompt }) => splitOf(prompt) === 'held_out')).toBe(true);
    expect(train.length + heldOut.length).toBe(100);
    // All rows of one file, to evaluate on.
    const all = await loadDatasetTask({ datasetName: file, datasetTestSplit: 'test' });
    expect((await all.problems()).map(({ split }) => split)).toEqual(Array(100).fill('held_out'));
    expect(await codeOf(loadDataset(all))).toBe('DATASET_EMPTY');
  });

  it("may be folders, or names of one's own", async () => {
    const datasetName = folderOf({ 'main/a.jsonl': numbered(3), 'test/a.jsonl': numbered(2, 10) });
    const { train, heldOut } = await loadDataset(await loadDatasetTask({ datasetName }));
    expect([train.length, heldOut.length]).toEqual([3, 2]);
    const named = folderOf({ 'easy.jsonl': numbered(3), 'hard.jsonl': numbered(2, 10) });
    const options = { datasetName: named, datasetTrainSplit: 'easy', datasetTestSplit: 'hard' };
    const own = await loadDataset(await loadDatasetTask(options));
    expect([own.train.length, own.heldOut.length]).toEqual([3, 2]);
  });
});

describe('files', () => {
  it('are named, and several may be', async () => {
    const folder = folderOf({
      'a.jsonl': numbered(2),
      'b.csv': 'prompt,answer\nx,1\n',
      'my.test.tsv': 'prompt\tanswer\ny\t1\n',
    });
    const names = ['a.jsonl', 'b.csv', 'my.test.tsv'].map((name) => join(folder, name));
    const task = await loadDatasetTask({ datasetName: names });
    expect((await task.problems()).map(({ prompt, split }) => [prompt, split])).toEqual([
      ['y', 'held_out'],
      ['problem 0', 'train'],
      ['problem 1', 'train'],
      ['x', 'train'],
    ]);
    expect((await loadDatasetTask({ datasetName: names[1]! })).name).toBe('b');
    expect((await loadDatasetTask({ datasetName: fileOf(numbered(1), 'My data.v2.JSONL') })).name).toBe(
      'My data.v2',
    );
  });

  it('that cannot be had are refused', async () => {
    const folder = folderOf({
      'tickets.jsonl': numbered(1),
      'b.csv': 'a\n1\n',
      'notes.txt': 'a',
      'none/x.md': 'a',
    });
    const fault = (name: string | string[]) =>
      faultOf(loadDatasetTask({ datasetName: [name].flat().map((one) => join(folder, one)) }));
    expect(await fault('ticket.jsonl')).toEqual({
      code: 'DATASET_NOT_FOUND',
      text: expect.stringContaining('did you mean tickets.jsonl?') as string,
    });
    expect(await fault('notes.txt')).toMatchObject({
      code: 'DATASET_FILE',
      text: expect.stringContaining('.jsonl, .ndjson, .json, .csv, .tsv, .parquet') as string,
    });
    expect((await fault('none')).text).toContain('holds no file that can be read');
    expect((await fault('')).text).toContain('files of several formats: .csv, .jsonl');
    for (const [name, content] of [
      ['a.jsonl', ''],
      ['a.csv', 'prompt,answer\n'],
      ['a.json', '[]'],
    ] as const)
      expect(await codeOf(problemsOf(join(folderOf({ [name]: content }), name)))).toBe('DATASET_EMPTY');
  });
});

describe('options', () => {
  const datasetName = 'never-read.jsonl';
  it.each([
    [{ task: 'arithmetic', datasetName }, 'task is "arithmetic", and dataset_name'],
    [{ task: null, datasetName, maxOperand: 3 }, 'max_operand is 3'],
    [{ task: null, datasetName, taskWeights: { arithmetic: 1 } }, 'task_weights is'],
    [{ task: null, datasetName, curriculum: [{}] }, 'a curriculum has several'],
    [{ task: 'arithmetic', answerColumn: 'label' }, 'answer_column is "label", and there is no dataset_name'],
    [{ task: null }, 'there is no dataset_name'],
    [{ task: null, curriculum: [{ task: 'arithmetic' }] }, 'there is no dataset_name'],
    [{ task: null, datasetName, datasetConfig: 'main' }, 'there is no file'],
  ])('%j', async (options, message) => {
    expect((await faultOf(loadStages(options))).text).toContain(message);
  });

  it('of two kinds of prompt are refused', async () => {
    const options = { promptColumn: 'prompt', promptTemplate: '{prompt}' };
    expect(await codeOf(problemsOf(fileOf(numbered(1)), options))).toBe('BAD_COMBINATION');
    expect(await codeOf(problemsOf(fileOf(numbered(1)), { datasetConfig: 'main' }))).toBe('BAD_COMBINATION');
  });

  it('may be null', async () => {
    const nothing = {
      datasetConfig: null,
      datasetTestSplit: null,
      promptColumn: null,
      answerColumn: null,
      promptTemplate: null,
    };
    const options = {
      task: null,
      taskWeights: null,
      maxOperand: null,
      curriculum: null,
      datasetTrainSplit: 'train',
      ...nothing,
    };
    const task = await chosenTask({ ...options, datasetName: fileOf(numbered(1)) });
    expect(task.name).toBe('tickets');
    expect((await chosenTask({ ...options, task: 'arithmetic', datasetName: null })).name).toBe('arithmetic');
  });
});

describe('the source of a dataset', () => {
  it('is its content, wherever that is', async () => {
    const sourceOf = async (rows: object[], name: string) =>
      (await loadDatasetTask({ datasetName: fileOf(rows, name) })).source!;
    const [a, moved, other] = [
      await sourceOf(numbered(3), 'a.jsonl'),
      await sourceOf(numbered(3), 'b.jsonl'),
      await sourceOf(numbered(4), 'a.jsonl'),
    ];
    expect(a.files).toMatchObject([
      { split: 'train', bytes: 102, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    ]);
    expect(sameSource(a, moved)).toBe(true);
    expect(sameSource(a, other)).toBe(false);
    const hub = { name: 'a/b', revision: '1', config: 'default' };
    expect(sameSource(hub, { ...hub, name: 'a/b@1' })).toBe(true);
    expect(sameSource(hub, { ...hub, revision: '2' })).toBe(false);
  });
});

describe('the reward', () => {
  it('is 1 for the answer alone', async () => {
    const task = await loadDatasetTask({ datasetName: fileOf(numbered(1)) });
    const [problem] = await task.problems();
    const asked = { ...problem!, answer: ' yes' };
    const said = (completion: string) => ({ prompt: '', completion, answer: ' yes', problem: asked });
    expect(await task.reward(['yes', '  yes\n', 'Yes', 'yes.', ''].map(said))).toEqual([1, 1, 0, 0, 0]);
  });
});
