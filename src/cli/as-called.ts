/** How messages call the command line: as it was started. */

/** `text` with the name of the launcher in place of `npx grpo-native`, where a bundle's launcher started this. */
export function asCalled(text: string): string {
  return text.replaceAll('npx grpo-native', process.env.GRPO_NATIVE_COMMAND ?? 'npx grpo-native');
}
