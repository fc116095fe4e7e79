/** Builds `dist/` when the sources are newer, so that e2e tests run what was written last. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/machine/paths.js';

export default function setup(): void {
  const root = packageRoot();
  const built = join(root, 'dist', 'cli.js');
  const sources = ['src', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|css)$/.test(file))
      .map((file) => join(root, folder, file)),
  );
  sources.push(join(root, 'package.json'), join(root, 'tsup.config.ts'));
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const types = join(root, 'dist', 'index.d.ts');
  const page = join(root, 'dist', 'page', 'page.js');
  if ([built, types, page].every((file) => existsSync(file) && statSync(file).mtimeMs >= newest)) return;
  execFileSync('npm', ['run', 'build', '--silent'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}
