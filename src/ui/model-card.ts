/** The page of a model on the hub: what it was taught, how well it does it, and the command that makes it. */
import { isAbsolute, basename } from 'node:path';
import { stringify } from 'yaml';
import { percent } from '../common/format.js';
import { isRepositoryName } from '../hub/name.js';
import { compareRun } from '../experiments/compare/compare.js';
import type { RunRecord } from '../run/folder/read.js';
import { chosenOptions, repeatCommand } from './server/repeat.js';

/** What the run folder doesn't say. */
export interface CardFacts {
  /** `user/name` of the model. */
  id: string;
  /** Name of the base model on the hub; undefined where it isn't of the hub. */
  baseModel: string | undefined;
  /** The base model's licence, as the hub names it; undefined where it isn't known. */
  licence: string | undefined;
  /** File of the curves, beside the card. */
  curves: string;
}

type Options = Record<string, unknown>;

/** `README.md` of a run's model, with the hub's metadata at its head. */
export function modelCard(record: RunRecord, { id, baseModel, licence, curves }: CardFacts): string {
  const config = publicOptions(record.config);
  const name = id.split('/')[1]!;
  const about = aboutOf(record, config);
  const base = baseModel ?? String(config.model);
  const adapters = config.use_peft === true;
  const isSft = repeatCommand(config).startsWith('grpo-native sft');
  const head = {
    library_name: adapters ? 'peft' : 'transformers',
    pipeline_tag: 'text-generation',
    ...(licence !== undefined && { license: licence }),
    ...(baseModel !== undefined && { base_model: baseModel }),
    ...(about.dataset !== undefined && { datasets: [about.dataset] }),
    tags: ['grpo-native', isSft ? 'sft' : 'grpo'],
    ...(about.accuracy !== null && {
      'model-index': [
        {
          name,
          results: [
            {
              task: { type: 'text-generation' },
              dataset: { type: about.task, name: about.task },
              metrics: [{ type: 'accuracy', name: 'held-out accuracy', value: about.accuracy }],
            },
          ],
        },
      ],
    }),
  };
  const method = isSft ? 'supervised fine-tuning' : 'GRPO';
  return `---
${stringify(head).trimEnd()}
---

# ${name}

${link(base, baseModel)}, taught ${about.what} by ${method} with [grpo-native](https://www.npmjs.com/package/grpo-native).

${table(about.rows)}

![Training reward, held-out accuracy and KL by step](${curves})

## How it was made

\`\`\`sh
npx ${repeatCommand(config)}
\`\`\`

${about.environment}

${optionsTable(config)}

## How to run it

${adapters ? runAdapter(id, link(base, baseModel)) : runModel(id)}

For llama.cpp and what is built on it: \`npx grpo-native export ${id} --format gguf\`.
`;
}

const runModel = (id: string): string => `transformers and vLLM load this repository as it is:

\`\`\`python
from transformers import pipeline

generate = pipeline("text-generation", model="${id}")
\`\`\``;

const runAdapter = (
  id: string,
  base: string,
): string => `This is an adapter (LoRA) for ${base}. PEFT loads both, and vLLM with \`--enable-lora\`:

\`\`\`python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("${id}")
tokenizer = AutoTokenizer.from_pretrained("${id}")
\`\`\``;

/** Paths of the machine that made it are told by their last part alone. */
function publicOptions(config: Options): Options {
  const shortened = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shortened);
    return typeof value === 'string' && (isAbsolute(value) || value.startsWith('~'))
      ? basename(value)
      : value;
  };
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, shortened(value)]));
}

function aboutOf(record: RunRecord, config: Options) {
  const run = compareRun(record, 0.5);
  const { dataset_name: data } = config;
  const task = typeof data === 'string' ? data : run.task;
  const dataset = typeof data === 'string' && isRepositoryName(data) ? data : undefined;
  const interval = ({ accuracy, accuracy_low: low, accuracy_high: high }: typeof run) =>
    `${percent(accuracy)} (95% interval ${percent(low)} to ${percent(high)})`;
  const best = record.summary?.best as { step: number; loaded: boolean } | undefined;
  const first = record.evaluations.find(({ step }) => step === 0);
  const rows: [string, string][] = [
    ...(run.accuracy === null ? [] : [['held-out accuracy', interval(run)] satisfies [string, string]]),
    ...(first === undefined || run.accuracy_before === null
      ? []
      : [
          [
            'before training',
            interval({
              ...run,
              accuracy: run.accuracy_before,
              accuracy_low: first['eval/accuracy_low'] ?? null,
              accuracy_high: first['eval/accuracy_high'] ?? null,
            }),
          ] satisfies [string, string],
        ]),
    ['steps', String(run.steps)],
    ...(best?.loaded ? [['weights of step', String(best.step)] satisfies [string, string]] : []),
  ];
  const named = { 'grpo-native': 'grpo_native', libtorch: 'torch', on: 'device', in: 'dtype' };
  const parts = Object.entries(named).flatMap(([word, key]) => {
    const value = record.env?.[key];
    return typeof value === 'string' ? [`${word} ${value}`] : [];
  });
  const environment = parts.length === 0 ? '' : `Made by ${parts.join(', ')}.`;
  const what = data === undefined || data === null ? `the task \`${task}\`` : `\`${task}\``;
  return { accuracy: run.accuracy, task, dataset, what, rows, environment };
}

const link = (name: string, id: string | undefined): string =>
  id === undefined ? `\`${name}\`` : `[${name}](https://huggingface.co/${id})`;

const table = (rows: [string, string][]): string =>
  ['| | |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');

/** The options that aren't the defaults. */
function optionsTable(config: Options): string {
  const names = chosenOptions(config);
  if (names.length === 0) return 'All options have their defaults.';
  const cell = (value: unknown) => `\`${JSON.stringify(value).replaceAll('|', '\\|')}\``;
  return [
    '| option | value |',
    '| --- | --- |',
    ...names.map((name) => `| \`${name}\` | ${cell(config[name])} |`),
  ].join('\n');
}
