/** Every problem's history: right, wrong, mixed, not seen yet; a problem a row, steps from left to right. */
import type { OutcomeData } from '../pages/types.js';
import { el, fill, section } from './dom.js';
import { outcomeGrid, visitAt, type Grid, type Order } from './outcome-grid.js';
import type { Chosen } from './state.js';
import { color, onTheme } from './theme.js';

export class ProblemMap {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #told = el('p', { class: 'told', 'aria-live': 'polite' });
  readonly #chosen: Chosen;
  readonly #onOpen: (step: number, prompt: string) => void;
  #data: OutcomeData = { version: 0, problems: [], visits: [] };
  #steps = 0;
  #order: Order = 'first';
  #grid: Grid | undefined;
  #rowHeight = 4;
  /** Where the keyboard is. */
  #cursor = { row: 0, column: 0 };

  constructor(chosen: Chosen, onOpen: (step: number, prompt: string) => void) {
    this.#chosen = chosen;
    this.#onOpen = onOpen;
    this.#canvas = el('canvas', {
      tabindex: 0,
      role: 'img',
      onmousemove: (event: MouseEvent) => this.#tell(this.#cellAt(event)),
      onclick: (event: MouseEvent) => this.#open(this.#cellAt(event)),
      onkeydown: (event: KeyboardEvent) => this.#key(event),
    });
    const order = el(
      'select',
      { id: 'map-order', onchange: () => this.#sort(order.value as Order) },
      el('option', { value: 'first' }, 'as they were met'),
      el('option', { value: 'hardest' }, 'hardest first'),
    );
    const swatch = (name: string, text: string) =>
      el('span', { class: 'swatch' }, el('i', { style: `background: var(--${name})` }), text);
    this.element = section(
      'problems',
      'Problems',
      el(
        'p',
        { class: 'legend' },
        swatch('right', 'right'),
        swatch('mixed', 'mixed'),
        swatch('wrong', 'wrong'),
        swatch('unseen', 'not seen yet'),
        el('label', { for: 'map-order' }, 'order '),
        order,
      ),
      el('div', { class: 'map' }, this.#canvas),
      this.#told,
    );
    new ResizeObserver(() => this.#draw()).observe(this.element);
    onTheme(() => this.#draw());
    chosen.watch(() => this.#draw());
  }

  show(data: OutcomeData, steps: number): void {
    this.#data = data;
    this.#steps = steps;
    this.element.hidden = data.problems.length === 0;
    this.#draw();
  }

  #sort(order: Order): void {
    this.#order = order;
    this.#draw();
  }

  #draw(): void {
    const width = this.#canvas.parentElement!.clientWidth;
    const count = this.#data.problems.length;
    if (width <= 0 || count === 0 || this.#steps === 0) return;
    const grid = outcomeGrid(this.#data, this.#steps, Math.min(width, this.#steps), this.#order);
    this.#grid = grid;
    this.#rowHeight = Math.max(3, Math.min(14, Math.floor(420 / count)));
    const ratio = devicePixelRatio;
    const height = count * this.#rowHeight;
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#paint(grid, width, height);
    const right = grid.rows.filter((_, row) => grid.cells[(row + 1) * grid.columns - 1] === 1).length;
    this.#canvas.setAttribute(
      'aria-label',
      `Map of ${count} problems over ${this.#steps} steps. When last sampled, ${right} were right throughout. Arrow keys move, Enter shows the completions.`,
    );
  }

  #paint(grid: Grid, width: number, height: number): void {
    const context = this.#canvas.getContext('2d')!;
    const colors = ['unseen', 'wrong', 'mixed', 'right'].map((name) => color(`--${name}`));
    const kind = (share: number) => (share < 0 ? 0 : share === 0 ? 1 : share === 1 ? 3 : 2);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = colors[0]!;
    context.fillRect(0, 0, width, height);
    const cell = width / grid.columns;
    const gap = this.#rowHeight > 5 ? 1 : 0;
    grid.rows.forEach((_, row) => {
      // Cells of one kind that lie side by side are one rectangle.
      for (let from = 0; from < grid.columns;) {
        const own = kind(grid.cells[row * grid.columns + from]!);
        let to = from + 1;
        while (to < grid.columns && kind(grid.cells[row * grid.columns + to]!) === own) to++;
        if (own > 0) {
          context.fillStyle = colors[own]!;
          context.fillRect(from * cell, row * this.#rowHeight, (to - from) * cell, this.#rowHeight - gap);
        }
        from = to;
      }
    });
    const { step } = this.#chosen;
    if (step > 0) {
      context.fillStyle = color('--fg');
      context.fillRect(((step - 0.5) / this.#steps) * width, 0, 1, height);
    }
    if (document.activeElement === this.#canvas) {
      context.strokeStyle = color('--fg');
      context.lineWidth = 2;
      const { row, column } = this.#cursor;
      context.strokeRect(column * cell - 2, row * this.#rowHeight - 1, cell + 4, this.#rowHeight + 2);
    }
  }

  #cellAt({ offsetX, offsetY }: MouseEvent): { row: number; column: number } {
    const grid = this.#grid!;
    const clamp = (value: number, most: number) => Math.max(0, Math.min(most - 1, Math.floor(value)));
    return {
      row: clamp(offsetY / this.#rowHeight, grid.rows.length),
      column: clamp((offsetX / this.#canvas.clientWidth) * grid.columns, grid.columns),
    };
  }

  #visit({ row, column }: { row: number; column: number }) {
    const grid = this.#grid!;
    const index = grid.rows[row]!;
    const problem = this.#data.problems[index]!;
    return { problem, visit: visitAt(this.#data.visits, index, (column + 1) * grid.perColumn) };
  }

  #tell(cell: { row: number; column: number }): void {
    const { problem, visit } = this.#visit(cell);
    fill(
      this.#told,
      el('code', {}, problem.prompt),
      ` expects ${problem.answer}: `,
      visit ? `${visit.right} of ${visit.all} right at step ${visit.step}` : 'not sampled yet',
    );
  }

  #open(cell: { row: number; column: number }): void {
    const { problem, visit } = this.#visit(cell);
    if (visit) this.#onOpen(visit.step, problem.prompt);
  }

  #key(event: KeyboardEvent): void {
    const grid = this.#grid;
    if (!grid) return;
    const move: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const by = move[event.key];
    if (event.key === 'Enter') this.#open(this.#cursor);
    else if (!by) return;
    else {
      const clamp = (value: number, most: number) => Math.max(0, Math.min(most - 1, value));
      this.#cursor = {
        row: clamp(this.#cursor.row + by[0], grid.rows.length),
        column: clamp(this.#cursor.column + by[1], grid.columns),
      };
      this.#draw();
      this.#tell(this.#cursor);
    }
    event.preventDefault();
  }
}
