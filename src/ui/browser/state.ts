/** The selected step, which all parts of the page show and may change. */

type Watcher = (step: number) => void;

export class Chosen {
  readonly #watchers: Watcher[] = [];
  #step = 0;

  get step(): number {
    return this.#step;
  }

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  choose(step: number): void {
    if (step === this.#step) return;
    this.#step = step;
    for (const watcher of this.#watchers) watcher(step);
  }
}
