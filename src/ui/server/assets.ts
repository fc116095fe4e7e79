/** Loads the page's script and style sheet from the build's output. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { packageRoot } from '../../machine/paths.js';

export interface Assets {
  script: string;
  style: string;
}

/** @throws {GrpoError} PAGE_MISSING */
export async function pageAssets(): Promise<Assets> {
  const folder = join(packageRoot(), 'dist', 'page');
  try {
    const [script, style] = await Promise.all(
      ['page.js', 'page.css'].map((name) => readFile(join(folder, name), 'utf8')),
    );
    return { script: script!, style: style! };
  } catch (cause) {
    throw new GrpoError('PAGE_MISSING', `the page is not built: ${(cause as Error).message}`, {
      fix: 'build it: npm run build',
      value: folder,
      exitCode: 1,
      cause,
    });
  }
}
