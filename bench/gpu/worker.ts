/** Runs parts in a process of its own, which a crash or a lost GPU ends without ending this one. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Failure, Order, Report } from './messages.js';
import type { Figure } from './part.js';

/** The child's entry point: a source file in a checkout, beside the bundle when built. */
export const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './gpu-child.js', import.meta.url),
);

/** How a part ended in its process. */
export type Ending =
  | { type: 'done'; notRun?: string }
  | { type: 'failed'; error: Failure }
  | { type: 'died'; how: string }
  | { type: 'time' };

export class Worker {
  readonly #child: ChildProcess;
  /** Settles when the process has ended: how. */
  readonly #exit: Promise<string>;
  #usable = true;

  /** @param log file descriptor that the process' output goes to, its last words included */
  constructor(entry: string, log: number) {
    this.#child = fork(entry, [], { serialization: 'advanced', stdio: ['ignore', log, log, 'ipc'] });
    const disconnected = new Promise((done) => this.#child.on('disconnect', done));
    this.#exit = new Promise((done) => {
      this.#child.on('error', (error) => done(`did not start: ${error.message}`));
      this.#child.on('exit', (code, signal) => {
        // Its last messages are read before the channel is closed.
        void disconnected.then(() => done(`was ended by ${signal ?? `status ${code}`}`));
      });
    });
  }

  /** Whether another part can be run in the same process. */
  get usable(): boolean {
    return this.#usable;
  }

  /** Runs a part until it is done, its process ends, or its time is over; then the process is ended. */
  async run(order: Order, onFigure: (figure: Figure) => void): Promise<Ending> {
    const ending = await this.#answer(order, onFigure);
    if (ending.type !== 'done') {
      this.#usable = false;
      await this.end();
    }
    return ending;
  }

  #answer(order: Order, onFigure: (figure: Figure) => void): Promise<Ending> {
    return new Promise((done) => {
      const timer = setTimeout(() => end({ type: 'time' }), order.deadline - Date.now());
      const listen = (report: Report) => (report.type === 'figure' ? onFigure(report.figure) : end(report));
      const end = (ending: Ending) => {
        clearTimeout(timer);
        this.#child.off('message', listen);
        done(ending);
      };
      this.#child.on('message', listen);
      void this.#exit.then((how) => end({ type: 'died', how }));
      // Fails where the process has ended, which is told above.
      this.#child.send(order, () => undefined);
    });
  }

  /** Ends the process, whatever it is at. */
  async end(): Promise<void> {
    this.#usable = false;
    this.#child.kill('SIGKILL');
    await this.#exit;
  }
}
