/** Names of repositories on the hub. */

const NAME = String.raw`[\w-][\w.-]*/[\w-][\w.-]*`;
const ONLY_NAME = new RegExp(`^${NAME}$`);
const WITH_REVISION = new RegExp(String.raw`^(${NAME})(?:@([\w./-]+))?$`);

/** Whether a text is `user/name` or `organisation/name`; one that could lead out of a folder is none. */
export const isRepositoryName = (text: string): boolean => ONLY_NAME.test(text) && !text.includes('..');

/** What `user/name` or `user/name@revision` says; undefined where the text is neither. */
export function parseRepository(text: string): { id: string; revision: string } | undefined {
  const match = text.includes('..') ? null : WITH_REVISION.exec(text);
  return match ? { id: match[1]!, revision: match[2] ?? 'main' } : undefined;
}
