/**
 * Kills runs with SIGKILL at random moments, resumes them until they are done, and compares what they came to with
 * what the same run comes to when nobody disturbs it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { generator } from '../../src/common/random.js';
import { cliPath } from '../support/cli.js';
import { differences, outcomeOf, type Outcome } from './outcome.js';
import { holdsLock, list, phaseOf, type Phase } from './phase.js';
import { RUNS } from './runs.js';

export interface Proof {
  kills: number;
  /** Runs that were killed and came to their end. */
  runs: number;
  phases: Map<Phase, number>;
  /** What differed, or went wrong; empty: all is as it must be. */
  faults: string[];
}

export interface ProofOptions {
  kills: number;
  seed: number;
  /** Holds the runs; those that went wrong stay. */
  folder: string;
  onProgress?: (text: string) => void;
}

/** Kills of one run: several interruptions must not add up to a difference either. */
const KILLS_OF_A_RUN = { least: 2, most: 14 };
/** Milliseconds after which a sitting hangs. */
const HANGS = 120_000;

export async function prove({ kills, seed, folder, onProgress }: ProofOptions): Promise<Proof> {
  const below = generator(`crash ${seed}`);
  const random = () => below(2 ** 30) / 2 ** 30;
  const between = ({ least, most }: { least: number; most: number }) => least + below(most - least + 1);
  const proof: Proof = { kills: 0, runs: 0, phases: new Map(), faults: [] };
  const undisturbed = new Map<string, { outcome: Outcome; times: Times }>();
  const variants = Object.keys(RUNS);

  for (let number = 0; proof.kills < kills; number++) {
    const variant = variants[number % variants.length]!;
    const options = RUNS[variant]!;
    if (!undisturbed.has(variant)) {
      const place = join(folder, `undisturbed-${number}`);
      const sitting = await sit(place, options, undefined);
      if (sitting.code !== 0) throw new Error(`the undisturbed run failed:\n${sitting.stderr}`);
      undisturbed.set(variant, { outcome: outcomeOf(place), times: sitting.times });
    }
    const { outcome, times } = undisturbed.get(variant)!;
    const place = join(folder, `killed-${number}`);
    const planned = Math.min(kills - proof.kills, between(KILLS_OF_A_RUN));
    const killedIn: Phase[] = [];
    let fault: string | undefined;
    for (;;) {
      const aim = killedIn.length < planned ? AIMS[below(AIMS.length)]!(random, times) : undefined;
      const sitting = await sit(place, options, aim);
      if (sitting.killed) {
        killedIn.push(phaseOf(place, sitting.pid, sitting.events, options.save_total_limit as number));
        continue;
      }
      if (sitting.code !== 0) fault = `ended with ${sitting.code ?? 'a signal'}: ${sitting.stderr}`;
      break;
    }
    const faults = fault === undefined ? differences(outcome, outcomeOf(place)) : [fault];
    proof.kills += killedIn.length;
    for (const phase of killedIn) proof.phases.set(phase, (proof.phases.get(phase) ?? 0) + 1);
    if (killedIn.length > 0) proof.runs++;
    proof.faults.push(
      ...faults.map((text) => `${place} (${variant}; killed while ${killedIn.join(', ')}): ${text}`),
    );
    onProgress?.(
      `${proof.kills} of ${kills} kills, ${proof.runs} runs: ${faults.length === 0 ? 'equal' : faults.join('\n')}`,
    );
    if (faults.length === 0) rmSync(place, { recursive: true, force: true });
  }
  return proof;
}

/** Milliseconds from the start of the process to the plan, and to its end. */
interface Times {
  plan: number;
  end: number;
}

interface Aim {
  /** Whether its moment has come; looked at every millisecond. */
  seen: (folder: string, sitting: { pid: number; events: readonly string[] }) => boolean;
  /** Milliseconds from there to the kill. */
  wait: number;
}

const running = (random: () => number, { plan, end }: Times): Aim => ({
  seen: (_folder, { events }) => events.includes('plan'),
  wait: (end - plan) * random(),
});

/** A checkpoint of the tiny model takes some 60 ms to write, the final model 20. */
const AIMS: ((random: () => number, times: Times) => Aim)[] = [
  running,
  running,
  (random, { plan }) => ({ seen: () => true, wait: 1.3 * plan * random() }),
  (random) => ({ seen: (folder, { pid }) => holdsLock(folder, pid), wait: 80 * random() }),
  (random) => ({
    seen: (folder) => unfinished(join(folder, 'checkpoints')),
    wait: 80 * random(),
  }),
  (random) => ({ seen: isWhole, wait: 5 * random() }),
  (random) => ({ seen: holdsOneTooMany, wait: 4 * random() }),
  (random) => ({ seen: unfinished, wait: 50 * random() }),
];

const unfinished = (folder: string): boolean =>
  list(folder).some((name) => /^\.(checkpoint-\d+|best-\d+|final)\.tmp$/.test(name));

/** The runs keep two. */
const holdsOneTooMany = (folder: string): boolean =>
  list(join(folder, 'checkpoints')).filter((name) => name.startsWith('checkpoint-')).length > 2;

const isWhole = (folder: string): boolean =>
  list(join(folder, 'checkpoints')).some(
    (name) => name.endsWith('.tmp') && existsSync(join(folder, 'checkpoints', name, 'manifest.json')),
  );

interface Sitting {
  pid: number;
  code: number | null;
  killed: boolean;
  stderr: string;
  /** Names of the JSON lines that it printed. */
  events: string[];
  times: Times;
}

/** Starts the run, or goes on with it; without an aim, until it ends by itself. */
async function sit(folder: string, options: Record<string, unknown>, aim: Aim | undefined): Promise<Sitting> {
  const config = `${folder}.yaml`;
  mkdirSync(join(folder, '..'), { recursive: true });
  writeFileSync(config, stringify(options));
  const begun = existsSync(join(folder, 'config.yaml'));
  const args = ['--output-dir', folder, '--json', '--quiet', ...(begun ? ['--resume'] : [])];
  const start = performance.now();
  const since = () => performance.now() - start;
  const child = spawn(process.execPath, [cliPath, 'train', ...(begun ? [] : [config]), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: string[] = [];
  const times: Times = { plan: 0, end: 0 };
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = eventOf(line);
    if (event === 'plan') times.plan = since();
    if (event !== undefined) events.push(event);
  });
  const hanging = setTimeout(() => {
    stderr += `it hung: nothing came of it in ${HANGS} ms`;
    child.kill('SIGKILL');
  }, HANGS);
  const watch = aim && whenSeen(aim, folder, { pid: child.pid!, events }, () => child.kill('SIGKILL'));
  const { code, signal } = await ended(child);
  clearTimeout(hanging);
  watch?.stop();
  times.end = since();
  const killed = signal === 'SIGKILL' && watch?.acted() === true;
  return { pid: child.pid!, code, killed, stderr, events, times };
}

function whenSeen(
  aim: Aim,
  folder: string,
  sitting: { pid: number; events: readonly string[] },
  act: () => void,
): { stop: () => void; acted: () => boolean } {
  let acted = false;
  let timer = setInterval(() => {
    if (!aim.seen(folder, sitting)) return;
    clearInterval(timer);
    timer = setTimeout(() => {
      acted = true;
      act();
    }, aim.wait);
  }, 1);
  return { stop: () => clearTimeout(timer), acted: () => acted };
}

const ended = (child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> =>
  new Promise((done, fail) => {
    child.once('error', fail).once('close', (code, signal) => done({ code, signal }));
  });

/** The last line of a killed run may be a part of one. */
function eventOf(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { event: string }).event;
  } catch {
    return undefined;
  }
}
