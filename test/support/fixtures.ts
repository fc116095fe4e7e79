import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** Folder of the reference values; another one may stand in for it. */
export const fixtures = process.env.GRPO_NATIVE_FIXTURES
  ? resolve(process.env.GRPO_NATIVE_FIXTURES)
  : fileURLToPath(new URL('../fixtures', import.meta.url));

export const fixtureModel = (name: string) => {
  const folder = join(fixtures, 'models', name);
  if (!existsSync(folder)) throw new Error(`no fixture model ${folder}`);
  return folder;
};

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'grpo-native-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Json = Record<string, unknown>;

/** A copy of a model with one file changed, as an object or as text. */
export function modelWith(name: string, file: string, change: (json: Json) => Json | string): string {
  const folder = temporaryFolder();
  cpSync(fixtureModel(name), folder, { recursive: true });
  const changed = change(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Json);
  writeFileSync(join(folder, file), typeof changed === 'string' ? changed : JSON.stringify(changed));
  return folder;
}

/** A root with these files of `proc` and `sys`. */
export function fakeMachine(files: Record<string, string | number>): string {
  const root = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), `${content}\n`);
  }
  return root;
}

/** The code of the error that `work` fails with; tells when it is no GrpoError. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    const { name, code, fix } = error as { name?: string; code?: string; fix?: string };
    if (name !== 'GrpoError' || !code || !fix) throw error;
    return code;
  }
  return 'no error';
}
