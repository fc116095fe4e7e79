/** The map of problems: a row per problem, steps from left to right, coloured by whether its completions were right. */
import type { OutcomeData } from '../server/types.js';
import { el, fill, section } from './dom.js';
import {
  columnsFor,
  kindOf,
  KINDS,
  rowCells,
  rowOrder,
  visitAt,
  visitsByProblem,
  type Columns,
  type Order,
} from './outcome-grid.js';
import type { Chosen } from './state.js';
import { color, onTheme } from './theme.js';

/** Height of the visible part in pixels; the rest is reached by scrolling. */
const HEIGHT = 440;
const HINT = 'Point at a problem, or move with the arrow keys; a click or Enter shows its completions.';

interface Cell {
  row: number;
  column: number;
}

export class ProblemMap {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  /** As high as all rows together. The canvas is only as high as the visible part, since a canvas's height is limited. */
  readonly #space: HTMLElement;
  readonly #scroll: HTMLElement;
  readonly #description = el('p', { class: 'told', 'aria-live': 'polite' }, HINT);
  readonly #chosen: Chosen;
  readonly #onOpen: (step: number, prompt: string) => void;
  #data: OutcomeData = { version: 0, problems: [], visits: [] };
  #byProblem: number[][] = [];
  #rows: number[] = [];
  #steps = 0;
  #order: Order = 'first';
  #columns: Columns = { count: 1, per: 1 };
  #rowHeight = 4;
  /** The cell selected with the keyboard. */
  #cursor: Cell = { row: 0, column: 0 };

  constructor(chosen: Chosen, onOpen: (step: number, prompt: string) => void) {
    this.#chosen = chosen;
    this.#onOpen = onOpen;
    this.#canvas = el('canvas', {
      tabindex: 0,
      role: 'img',
      onmousemove: (event: MouseEvent) => this.#describe(this.#cellAt(event)),
      onmouseleave: () => fill(this.#description, HINT),
      onclick: (event: MouseEvent) => this.#open(this.#cellAt(event)),
      onkeydown: (event: KeyboardEvent) => this.#key(event),
      onfocus: () => this.#draw(),
      onblur: () => this.#draw(),
    });
    this.#space = el('div', {}, this.#canvas);
    this.#scroll = el('div', { class: 'map', onscroll: () => this.#draw() }, this.#space);
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
      this.#scroll,
      this.#description,
    );
    new ResizeObserver(() => this.#draw()).observe(this.element);
    onTheme(() => this.#draw());
    chosen.watch(() => this.#draw());
  }

  show(data: OutcomeData, steps: number): void {
    this.#data = data;
    this.#steps = steps;
    this.#byProblem = visitsByProblem(data);
    this.#rows = rowOrder(this.#byProblem, data.visits, this.#order);
    this.element.hidden = data.problems.length === 0;
    const { visits } = data;
    const right = this.#byProblem.filter((own) => {
      const last = own.at(-1);
      return last !== undefined && kindOf(visits[last + 2]!, visits[last + 3]!) === 3;
    }).length;
    this.#canvas.setAttribute(
      'aria-label',
      `Map of ${data.problems.length} problems over ${steps} steps. When last sampled, ${right} were right throughout. Arrow keys move, Enter shows the completions.`,
    );
    this.#draw();
  }

  #sort(order: Order): void {
    this.#order = order;
    this.#rows = rowOrder(this.#byProblem, this.#data.visits, order);
    this.#draw();
  }

  #draw(): void {
    const count = this.#rows.length;
    if (this.#scroll.clientWidth <= 0 || count === 0 || this.#steps === 0) return;
    this.#rowHeight = Math.max(3, Math.min(14, Math.floor(HEIGHT / count)));
    // The height comes first: it decides whether there is a scroll bar, which reduces the width.
    this.#space.style.height = `${count * this.#rowHeight}px`;
    const width = this.#scroll.clientWidth;
    const height = Math.min(HEIGHT, count * this.#rowHeight);
    this.#columns = columnsFor(this.#steps, Math.min(width, this.#steps));
    const ratio = devicePixelRatio;
    Object.assign(this.#canvas.style, { width: `${width}px`, height: `${height}px` });
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    const context = this.#canvas.getContext('2d')!;
    context.setTransform(ratio, 0, 0, ratio, 0, -this.#scroll.scrollTop * ratio);
    this.#paint(context, width, height);
  }

  /** Paints the visible rows. */
  #paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    const colors = KINDS.map((name) => color(`--${name}`));
    const { scrollTop } = this.#scroll;
    const first = Math.floor(scrollTop / this.#rowHeight);
    const end = Math.min(this.#rows.length, Math.ceil((scrollTop + height) / this.#rowHeight));
    const cell = width / this.#columns.count;
    const gap = this.#rowHeight > 5 ? 1 : 0;
    context.fillStyle = colors[0]!;
    context.fillRect(0, scrollTop, width, height);
    for (let row = first; row < end; row++) {
      const cells = rowCells(this.#byProblem[this.#rows[row]!]!, this.#data.visits, this.#columns);
      // Neighbouring cells of the same kind are painted as one rectangle.
      for (let from = 0; from < cells.length;) {
        const own = cells[from]!;
        let to = from + 1;
        while (to < cells.length && cells[to] === own) to++;
        if (own > 0) {
          context.fillStyle = colors[own]!;
          context.fillRect(from * cell, row * this.#rowHeight, (to - from) * cell, this.#rowHeight - gap);
        }
        from = to;
      }
    }
    const { step } = this.#chosen;
    if (step > 0) {
      context.fillStyle = color('--fg');
      context.fillRect(((step - 0.5) / this.#steps) * width, scrollTop, 1, height);
    }
    if (document.activeElement === this.#canvas) {
      const { row, column } = this.#cursor;
      const box = [column * cell - 2, row * this.#rowHeight - 1, cell + 4, this.#rowHeight + 2] as const;
      // Two colours, one of which is visible on any background.
      context.strokeStyle = color('--bg');
      context.lineWidth = 5;
      context.strokeRect(...box);
      context.strokeStyle = color('--fg');
      context.lineWidth = 2;
      context.strokeRect(...box);
    }
  }

  #cellAt({ offsetX, offsetY }: MouseEvent): Cell {
    return this.#within({
      row: Math.floor((offsetY + this.#scroll.scrollTop) / this.#rowHeight),
      column: Math.floor((offsetX / this.#canvas.clientWidth) * this.#columns.count),
    });
  }

  #within({ row, column }: Cell): Cell {
    const clamp = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
    return { row: clamp(row, this.#rows.length), column: clamp(column, this.#columns.count) };
  }

  #visit({ row, column }: Cell) {
    const index = this.#rows[row]!;
    const until = (column + 1) * this.#columns.per;
    return {
      problem: this.#data.problems[index]!,
      visit: visitAt(this.#byProblem[index]!, this.#data.visits, until),
    };
  }

  #describe(cell: Cell): void {
    const { problem, visit } = this.#visit(cell);
    fill(
      this.#description,
      el('code', { class: 'text' }, problem.prompt),
      ` expects ${problem.answer}: `,
      visit ? `${visit.right} of ${visit.all} right at step ${visit.step}` : 'not sampled yet',
    );
  }

  #open(cell: Cell): void {
    const { problem, visit } = this.#visit(cell);
    if (visit) this.#onOpen(visit.step, problem.prompt);
  }

  #key(event: KeyboardEvent): void {
    if (this.#rows.length === 0) return;
    const { row, column } = this.#cursor;
    const moved: Record<string, Cell> = {
      ArrowUp: { row: row - 1, column },
      ArrowDown: { row: row + 1, column },
      ArrowLeft: { row, column: column - 1 },
      ArrowRight: { row, column: column + 1 },
      PageUp: { row: row - 20, column },
      PageDown: { row: row + 20, column },
      Home: { row, column: 0 },
      End: { row, column: this.#columns.count - 1 },
    };
    const to = moved[event.key];
    if (event.key === 'Enter') this.#open(this.#cursor);
    else if (!to) return;
    else {
      this.#cursor = this.#within(to);
      this.#scrollIntoView(this.#cursor.row * this.#rowHeight);
      this.#draw();
      this.#describe(this.#cursor);
    }
    event.preventDefault();
  }

  #scrollIntoView(top: number): void {
    const { scrollTop, clientHeight } = this.#scroll;
    if (top < scrollTop) this.#scroll.scrollTop = top;
    else if (top + this.#rowHeight > scrollTop + clientHeight)
      this.#scroll.scrollTop = top + this.#rowHeight - clientHeight;
  }
}
