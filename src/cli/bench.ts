/** `bench`: tokens a second, the share of the machine's limits, and the same work in TRL. */
import { GrpoError } from '../common/errors.js';
import { writeAtomic } from '../machine/disk.js';
import { CASES, chooseCases, DEFAULT_CASES, type Overrides } from '../../bench/cases.js';
import { BENCH } from './options.js';
import { listCommand } from './list-command.js';
import { downloadBar, progressLine } from './output.js';

/** A benchmark of noise, not of time: how near the gradient's estimators are to the true gradient. */
const GRADIENTS = 'gradients';

export const command = listCommand({
  name: 'bench',
  form: '[case ...]',
  describe: `Measure tokens a second, beside what this machine can give. Cases: ${CASES.map(({ name }) => name).join(', ')}; without a name ${DEFAULT_CASES.join(' and ')}. They are measured on the CPU, each in a process of its own; random weights of the model's shape need no download. By itself, ${GRADIENTS} compares estimators of the gradient with the true one (--steps: problems, 20).`,
  schema: BENCH,
  extra: {
    list: { type: 'boolean', default: false, describe: 'List the cases, and measure nothing' },
    json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' },
  },
  examples: [
    ['grpo-native bench', 'Two cases, in a minute or two, without a download'],
    [
      'grpo-native bench journal --model Qwen/Qwen2.5-0.5B',
      'Real weights, which end their answers themselves',
    ],
    [
      'grpo-native bench same-work --model smollm2-135m --peer-python .venv/bin/python',
      'The same work here and in TRL, on random weights of a smaller shape',
    ],
    [
      'grpo-native bench gradients --svg gradients.svg',
      'Bias and variance of the estimators, with the tokens that each takes',
    ],
    ['grpo-native bench journal --json > bench.json', 'All numbers, with the spread of each'],
  ],
  run: async ({ threads, peer_python: peerPython, svg, ...rest }, names, argv) => {
    const overrides = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => value !== null),
    ) as Overrides;
    const ofGradients = names.includes(GRADIENTS);
    const cases = ofGradients ? [] : chooseCases(names, overrides);

    const { caseText, limitsText, listText } = await import('../../bench/print.js');
    if (argv.list === true) {
      process.stdout.write(argv.json === true ? `${JSON.stringify(CASES)}\n` : listText());
      return;
    }
    if (ofGradients) {
      refuseBesideGradients(names, { ...overrides, peer_python: peerPython });
      await gradients(rest.model ?? 'tiny', rest.steps ?? 20, { threads, svg, json: argv.json === true });
      return;
    }
    if (svg !== null) refuseSvg(svg);
    const { runBench } = await import('../../bench/runner.js');
    const download = downloadBar();
    let progress = progressLine('');
    const report = await runBench({
      cases,
      threads,
      peerPython,
      hub: { onProgress: download.onProgress },
      onNotice: (text) => process.stderr.write(`note: ${text}\n`),
      onProgress: (what, done, total) => {
        progress.end();
        progress = progressLine(what);
        progress.update(done, total);
      },
      onCase: (one) => {
        progress.end();
        if (argv.json !== true) process.stdout.write(`${caseText(one)}\n\n`);
      },
    }).finally(() => {
      progress.end();
      download.end();
    });
    if (argv.json === true) {
      process.stdout.write(`${JSON.stringify(report)}\n`);
      return;
    }
    process.stdout.write(`${limitsText(report.limits, report.machine.load_before)}\n`);
    if (names.length > 0) return;
    const others = CASES.map(({ name }) => name).filter((name) => !DEFAULT_CASES.includes(name));
    process.stdout.write(
      `\nThere is more: grpo-native bench ${others.join(' ')}\nWith real weights: --model Qwen/Qwen2.5-0.5B. Beside TRL: --peer-python PATH. What each is: --list\n`,
    );
  },
});

async function gradients(
  model: string,
  prompts: number,
  { threads, svg, json }: { threads: number; svg: string | null; json: boolean },
): Promise<void> {
  const { benchGradients, gradientsText } = await import('../../bench/gradients/index.js');
  const progress = progressLine('gradients');
  const report = await benchGradients({
    model,
    prompts,
    threads,
    onProgress: (_what, done, total) => progress.update(done, total),
  }).finally(() => progress.end());
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${gradientsText(report)}\n`);
  if (svg === null) return;
  const { gradientsSvg } = await import('../../bench/gradients/picture.js');
  await writeAtomic(svg, gradientsSvg(report));
  process.stderr.write(`picture in ${svg}\n`);
}

function refuseBesideGradients(names: readonly string[], options: Record<string, unknown>): void {
  const unread = Object.entries(options).filter(
    ([name, value]) => value !== null && name !== 'model' && name !== 'steps',
  );
  const wrong = [...names.filter((name) => name !== GRADIENTS), ...unread.map(([name]) => name)];
  if (wrong.length === 0) return;
  throw new GrpoError('BAD_COMBINATION', `${GRADIENTS} takes no ${wrong[0]!} beside it`, {
    fix: `run it by itself, with --model, --steps, --threads or --svg: grpo-native bench ${GRADIENTS}`,
    value: wrong[0],
  });
}

function refuseSvg(file: string): never {
  throw new GrpoError('BAD_COMBINATION', `only ${GRADIENTS} has a picture`, {
    fix: `leave --svg out, or run grpo-native bench ${GRADIENTS} --svg ${file}`,
    value: file,
  });
}
