/** The forecast of a run as text for the terminal. */
import colors from 'picocolors';
import type { Forecast } from '../../run/events.js';
import type { RunMemory } from '../../run/forecast/run-memory.js';
import { bytes, count, duration, number, percent } from '../../common/format.js';

const TOTALS = new Set(['peak', 'available']);

/** The parts of the memory, largest first, without those below 1%. */
export function memoryText(memory: RunMemory): string {
  return Object.entries<number>({ ...memory })
    .filter(([name, size]) => !TOTALS.has(name) && size > 0.01 * memory.peak)
    .sort(([, a], [, b]) => b - a)
    .map(([name, size]) => `${name === 'kv' ? 'keys and values' : name} ${bytes(size)}`)
    .join(', ');
}

export function forecastText(forecast: Forecast): string {
  const { groups, go, reasons } = forecast;
  const rows: [string, string][] = [
    ['expected', `${bytes(forecast.expectedPeak)} of memory, as the first steps go`],
    [
      'time',
      `${duration(forecast.stepSeconds)} a step, ${duration(3600 * forecast.hours)} for ${count(forecast.steps)} steps and the evaluations, as the first steps go`,
    ],
    [
      'probe',
      `of ${count(groups)} groups ${percent(forecast.fracRewardZeroStd, 0)} without spread; mean reward ${number(forecast.reward)}, ` +
        `${percent(forecast.accuracy, 0)} right, ${number(forecast.meanLength)} tokens long, ${percent(forecast.clippedRatio, 0)} cut off`,
    ],
  ];
  const color = go ? colors.green : colors.red;
  return [
    ...rows.map(([name, value]) => `  ${colors.dim(name.padEnd(11))}${value}`),
    ...reasons.map(
      (reason, i) => `  ${i === 0 ? color((go ? 'go' : 'no go').padEnd(11)) : ' '.repeat(11)}${reason}`,
    ),
  ].join('\n');
}
