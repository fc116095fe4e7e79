/** The option `prompt_template`: a text with columns in braces. */
import { GrpoError, shown } from '../../common/errors.js';

/** Texts and columns, by turns. */
export type Template = ({ text: string } | { column: string })[];

/**
 * @param template such as `Q: {question}\nA:`; `{{` and `}}` are braces, `\n` is a line end and `\\` a backslash
 * @throws {GrpoError} PROMPT_TEMPLATE
 */
export function parseTemplate(template: string): Template {
  const parts: Template = [];
  let text = '';
  for (const [token] of template.matchAll(/\{\{|\}\}|\{[^{}]*\}|\\n|\\\\|[^]/gu)) {
    if (token === '{{' || token === '}}') text += token[0]!;
    else if (token === '\\n') text += '\n';
    else if (token === '\\\\') text += '\\';
    else if (token === '{' || token === '}' || token === '{}')
      throw fault(
        template,
        token === '{}' ? 'names no column in {}' : `has a ${token} without its other half`,
      );
    else if (token.length > 1 && token.startsWith('{')) {
      parts.push({ text }, { column: token.slice(1, -1) });
      text = '';
    } else text += token;
  }
  if (parts.length === 0) throw fault(template, 'names no column: every prompt would be the same');
  return [...parts, { text }];
}

const fault = (template: string, what: string) =>
  new GrpoError('PROMPT_TEMPLATE', `prompt_template ${shown(template)} ${what}`, {
    fix: 'write columns in braces, as in "Q: {question}\\nA:"; a brace itself is {{ or }}',
    value: template,
  });

/** The columns that a template names. */
export const columnsOf = (template: Template): string[] =>
  template.flatMap((part) => ('column' in part ? [part.column] : []));

/** @param valueOf text of a column */
export const filled = (template: Template, valueOf: (column: string) => string): string =>
  template.map((part) => ('column' in part ? valueOf(part.column) : part.text)).join('');
