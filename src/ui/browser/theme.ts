/** The page's theme: light, dark, or the system's. Charts read the colours when they draw. */
import { el } from './dom.js';

const KEY = 'grpo-native-theme';
const ORDER = ['auto', 'light', 'dark'] as const;
type Theme = (typeof ORDER)[number];

const watchers: (() => void)[] = [];

export const onTheme = (watcher: () => void): void => void watchers.push(watcher);

/** The current value of a colour in the style sheet. */
export const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function themeButton(): HTMLElement {
  let theme = stored();
  const button = el('button', { class: 'quiet', type: 'button', onclick: () => set(after(theme)) });
  const set = (next: Theme) => {
    theme = next;
    button.textContent = `theme: ${theme}`;
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A page opened from a file may not be allowed to store anything.
    }
    for (const watcher of watchers) watcher();
  };
  set(theme);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const watcher of watchers) watcher();
  });
  return button;
}

const after = (theme: Theme): Theme => ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!;

function stored(): Theme {
  try {
    const theme = localStorage.getItem(KEY) as Theme;
    return ORDER.includes(theme) ? theme : 'auto';
  } catch {
    return 'auto';
  }
}
