/** Parts of commands that are to be copied into a shell. */

/** One word of it: what a shell would not take as it stands is quoted. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!UNPRINTABLE.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = text
    .replace(/[\\']/g, '\\$&')
    .replace(new RegExp(UNPRINTABLE, 'gu'), (char) =>
      char === '\n'
        ? '\\n'
        : char === '\t'
          ? '\\t'
          : `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`,
    );
  return `$'${escaped}'`;
}

/** Ends the line, or can't be seen. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** An option with its value; one that begins with a dash would be taken for another option. */
export const shellOption = (name: string, value: string): string =>
  `--${name}${value.startsWith('-') ? '=' : ' '}${shellWord(value)}`;
