/** The page's colours: told apart by the colour-blind, and legible. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../../src/machine/paths.js';

type Color = [number, number, number];

/** The style sheet's blocks of colours: light; dark by the system's choice, and by the reader's. */
const blocks = [
  ...readFileSync(join(packageRoot(), 'src', 'ui', 'browser', 'style.css'), 'utf8').matchAll(
    /\{[^{}]*--bg:[^{}]*\}/g,
  ),
].map(([block]) => block);

function theme(name: 'light' | 'dark'): Record<string, Color> {
  const block = name === 'light' ? blocks[0]! : blocks.at(-1)!;
  return Object.fromEntries(
    [...block.matchAll(/--([\w]+): #(\w{6});/g)].map(([, key, hex]) => [
      key!,
      [0, 2, 4].map((at) => linear(Number.parseInt(hex!.slice(at, at + 2), 16) / 255)) as Color,
    ]),
  );
}

const linear = (value: number): number =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;

/** Machado, Oliveira and Fernandes 2009, in full severity, on linear red, green and blue. */
const SIGHT: Record<string, Color[]> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (matrix: Color[], color: Color): Color =>
  matrix.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, one, i) => sum + one * color[i]!, 0),
      ),
    ),
  ) as Color;

/** CIE 1976 L*a*b*, white D65. */
function lab(color: Color): Color {
  const xyz = times(
    [
      [0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505],
      [0.2126, 0.7152, 0.0722],
      [0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089],
    ],
    color,
  );
  const [x, y, z] = xyz.map((value) =>
    value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116,
  ) as Color;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Of all pairs; 2.3 is just noticed side by side. */
function smallestDifference(colors: Color[], sight: string): number {
  const seen = colors.map((color) => lab(times(SIGHT[sight]!, color)));
  const pairs = seen.flatMap((a, i) =>
    seen.slice(i + 1).map((b) => Math.hypot(...a.map((one, at) => one - b[at]!))),
  );
  return Math.min(...pairs);
}

const luminance = ([red, green, blue]: Color): number => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

/** As WCAG 2 has it. */
function contrast(a: Color, b: Color): number {
  const [low, high] = [luminance(a), luminance(b)].sort((one, other) => one - other);
  return (high! + 0.05) / (low! + 0.05);
}

it('are the same dark, whoever chose it', () => {
  const [, bySystem, byReader] = blocks.map((block) => block.match(/--\w+: [^;]+;/g));
  expect(bySystem).toEqual(byReader);
});

describe.each(['light', 'dark'] as const)('colours on %s', (name) => {
  const colors = theme(name);
  const all = (...names: string[]) => names.map((one) => colors[one]!);

  it.each(Object.keys(SIGHT))('of the map are told apart: %s', (sight) => {
    expect(smallestDifference(all('right', 'mixed', 'wrong', 'unseen'), sight)).toBeGreaterThan(20);
  });

  it.each(Object.keys(SIGHT))('of lines are told apart: %s', (sight) => {
    expect(smallestDifference(all('c1', 'c2', 'c3', 'c4', 'c5', 'c6'), sight)).toBeGreaterThan(10);
  });

  it('of texts are legible on what they stand on', () => {
    for (const text of ['fg', 'muted', 'link', 'bad', 'warning', 'note', 'good'])
      for (const ground of ['bg', 'panel'])
        expect(contrast(colors[text]!, colors[ground]!), `${text} on ${ground}`).toBeGreaterThan(4.5);
  });
});
