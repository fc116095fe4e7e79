/** Curves of bounded size: when there are too many points, neighbouring points are replaced by their mean. */
import type { CurveData } from './types.js';

/** Most points per curve: more than a screen can show. */
export const MOST_POINTS = 2000;

interface Point {
  step: number;
  sums: Map<string, { sum: number; count: number }>;
}

export class Curves {
  /** Steps that a point averages. */
  #per = 1;
  #points: Point[] = [];
  /** Steps in the last point so far. */
  #filled = 0;
  readonly #names = new Set<string>();

  constructor(readonly most = MOST_POINTS) {}

  static from({ per, steps, columns }: CurveData, most = MOST_POINTS): Curves {
    const curves = new Curves(most);
    curves.#per = per;
    curves.#filled = per;
    for (const name of Object.keys(columns)) curves.#names.add(name);
    curves.#points = steps.map((step, i) => ({
      step,
      sums: new Map(
        Object.entries(columns).flatMap(([name, values]) =>
          typeof values[i] === 'number' ? [[name, { sum: values[i] * per, count: per }] as const] : [],
        ),
      ),
    }));
    return curves;
  }

  add(row: Record<string, unknown>): void {
    if (this.#points.length === 0 || this.#filled >= this.#per) {
      if (this.#points.length >= this.most) this.#halve();
      this.#points.push({ step: 0, sums: new Map() });
      this.#filled = 0;
    }
    const point = this.#points.at(-1)!;
    point.step = row.step as number;
    this.#filled++;
    for (const [name, value] of Object.entries(row)) {
      if (name === 'step' || typeof value !== 'number' || !Number.isFinite(value)) continue;
      this.#names.add(name);
      const own = point.sums.get(name);
      if (own) {
        own.sum += value;
        own.count++;
      } else point.sums.set(name, { sum: value, count: 1 });
    }
  }

  get length(): number {
    return this.#points.length;
  }

  data(): CurveData {
    return {
      per: this.#per,
      steps: this.#points.map(({ step }) => step),
      columns: Object.fromEntries(
        [...this.#names].map((name) => [
          name,
          this.#points.map(({ sums }) => {
            const own = sums.get(name);
            return own ? Number((own.sum / own.count).toPrecision(5)) : null;
          }),
        ]),
      ),
    };
  }

  #halve(): void {
    const merged: Point[] = [];
    for (let i = 0; i < this.#points.length; i += 2) {
      const [a, b] = [this.#points[i]!, this.#points[i + 1]];
      if (b)
        for (const [name, { sum, count }] of b.sums) {
          const own = a.sums.get(name);
          a.sums.set(name, { sum: sum + (own?.sum ?? 0), count: count + (own?.count ?? 0) });
        }
      merged.push({ step: b?.step ?? a.step, sums: a.sums });
    }
    this.#points = merged;
    this.#per *= 2;
  }
}
