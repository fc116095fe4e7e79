/** Whether help is asked for. Apart from `help.ts`, which loads the options. */
import { GrpoError } from '../common/errors.js';

/** How much of it is asked for: the options that matter most, or all. */
export type HelpRequest = 'first' | 'all';

/**
 * Takes `--help`, `--help all` and `--help=all` (or `-h`) out of the arguments.
 * @throws {GrpoError} USAGE
 */
export function helpRequest(args: string[]): { help: HelpRequest | null; rest: string[] } {
  let help: HelpRequest | null = null;
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const flag = /^(?:--help|-h)(?:=(.*))?$/s.exec(arg);
    if (!flag) {
      rest.push(arg);
      continue;
    }
    const value = flag[1] ?? (args[i + 1] === 'all' ? args[++i] : undefined);
    if (value === 'all') help = 'all';
    else if (value === undefined) help ??= 'first';
    else
      throw new GrpoError('USAGE', `there is no ${arg}`, {
        fix: 'write --help, or --help all for every option',
        value,
      });
  }
  return { help, rest };
}
