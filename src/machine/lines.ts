/**
 * Splits a text into lines, as JSON Lines defines them: they end with `\n` or `\r\n`. Node's readline also splits at
 * U+2028 and U+2029, which are valid in JSON strings.
 */

/** The lines that each part of the text completes, without their ends; an unended last line counts. */
export async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string[]> {
  let begun = '';
  for await (const text of texts) {
    const lines = text.split('\n');
    lines[0] = begun + lines[0]!;
    begun = lines.pop()!;
    yield lines.map(withoutReturn);
  }
  if (begun !== '') yield [withoutReturn(begun)];
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
