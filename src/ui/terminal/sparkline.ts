const LEVELS = '▁▂▃▄▅▆▇█';

/** A curve in a single line of text: `values` averaged into at most `width` columns. */
export function sparkline(values: number[], width: number): string {
  const points = values.filter(Number.isFinite);
  if (points.length === 0) return '';
  const columns = Math.min(width, points.length);
  const means = Array.from({ length: columns }, (_, i) => {
    const part = points.slice(
      Math.floor((i * points.length) / columns),
      Math.floor(((i + 1) * points.length) / columns),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const low = Math.min(...means);
  const range = Math.max(...means) - low;
  if (range < 1e-9) return LEVELS[3]!.repeat(columns);
  return means.map((mean) => LEVELS[Math.min(7, Math.floor(((mean - low) / range) * 8))]).join('');
}

/** `done` of `total` as a bar of `width` columns. */
export function bar(done: number, total: number, width: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const full = Math.round(share * width);
  return '━'.repeat(full) + '─'.repeat(width - full);
}
