/** Builds DOM elements. All text is inserted as text nodes, so that no output of a model or a dataset is parsed as HTML. */

type Props = Record<string, string | number | boolean | undefined | ((event: never) => void)>;
export type Child = Node | string | number | false | null | undefined;

/** Creates an element. Properties that begin with `on` are listeners, others attributes; false and undefined ones are left out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function')
      element.addEventListener(name.slice(2), value as unknown as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  fill(element, ...children);
  return element;
}

/** Replaces an element's children. */
export function fill(element: Element, ...children: Child[]): void {
  const shown = children.filter((child) => child !== false && child !== null && child !== undefined);
  element.replaceChildren(...shown.map((child) => (child instanceof Node ? child : String(child))));
}

/** A section of the page, with a heading. */
export function section(id: string, title: string, ...children: Child[]): HTMLElement {
  return el(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    el('h2', { id: `${id}-title` }, title),
    ...children,
  );
}

export function table(head: Child[], rows: Child[][], props: Props = {}): HTMLElement {
  const scroll = el(
    'div',
    { class: 'scroll', tabindex: 0 },
    el(
      'table',
      props,
      el('thead', {}, el('tr', {}, ...head.map((cell) => el('th', { scope: 'col' }, cell)))),
      el(
        'tbody',
        {},
        ...rows.map((cells) =>
          el(
            'tr',
            {},
            ...cells.map((cell, i) => (i === 0 ? el('th', { scope: 'row' }, cell) : el('td', {}, cell))),
          ),
        ),
      ),
    ),
  );
  return scroll;
}
