/** Quoting, for commands that are printed so that a user can copy them into a shell. */

/** One word of a command, quoted if the shell would otherwise interpret a character in it. */
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

/** Control characters and line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** An option with its value. `=` joins a value that begins with a dash, which would be taken for another option. */
export const shellOption = (name: string, value: string): string =>
  `--${name}${value.startsWith('-') ? '=' : ' '}${shellWord(value)}`;
