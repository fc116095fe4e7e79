/** The same step in TRL on the same GPU, where a Python on this machine has TRL. */
import { join } from 'node:path';
import { GrpoError } from '../../../src/common/errors.js';
import { buildStamp } from '../../../src/engine/libtorch/build.js';
import { python3 } from '../../../src/engine/libtorch/python.js';
import { which } from '../../../src/machine/exec.js';
import { engineThreads } from '../../../src/machine/processor.js';
import { checkPeer, runPeer } from '../../peer.js';
import { spread } from '../../statistics.js';
import { NotRun, type Part } from '../part.js';
import { LONG_16, titleOf } from './speed.js';

export const trl: Part = {
  name: 'trl',
  title: `TRL: ${titleOf(LONG_16)}`,
  kind: 'measure',
  seconds: 180,
  async run(check) {
    if (!check.isGpu) throw new NotRun('TRL is measured on a GPU only');
    const python = withTrl();
    const { device } = check;
    const seconds = check.secondsLeft - 5;
    const { steps, versions } = await runPeer(python, LONG_16, undefined, engineThreads(0), {
      device,
      seconds,
    }).catch(notOurFault);
    const median = (of: (step: (typeof steps)[number]) => number) => spread(steps.map(of)).median;
    check.measured('TRL', versions.trl!);
    check.measured('torch', versions.torch!);
    check.measured(
      'step',
      median(({ seconds }) => seconds.step!),
      's',
    );
    check.measured(
      'sampling',
      median(({ seconds }) => seconds.sample!),
      's',
    );
    const sampled = median(({ seconds, completion_tokens: tokens }) => tokens / seconds.sample!);
    check.measured('sampled', sampled, 'tokens/s');
    check.measured(
      'reference',
      median(({ seconds }) => seconds.reference!),
      's',
    );
    check.measured(
      'forward, backward',
      median(({ seconds }) => seconds.train!),
      's',
    );
    check.measured(
      'clipping, AdamW',
      median(({ seconds }) => seconds.optimizer!),
      's',
    );
  },
};

/** That TRL fails, or takes too long, says nothing of this engine. */
function notOurFault(error: unknown): never {
  throw error instanceof GrpoError ? new NotRun(error.message) : error;
}

/** A Python that has TRL: the one whose PyTorch the engine uses, or the one on the PATH. */
function withTrl(): string {
  const libtorch = buildStamp()?.path;
  const beside = libtorch && which(join(libtorch, '..', '..', '..', '..', 'bin', 'python3'));
  const missing: string[] = [];
  for (const python of [beside, python3()]) {
    if (!python) continue;
    try {
      checkPeer(python);
      return python;
    } catch (error) {
      if (!(error instanceof GrpoError)) throw error;
      missing.push(error.message);
    }
  }
  throw new NotRun(missing.join('; ') || 'there is no python3');
}
