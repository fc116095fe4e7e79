// Formats native/ and test/device/, or with --check says what is not formatted and fails.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { clangFormatPath } from 'clang-format-node';

const root = new URL('..', import.meta.url).pathname;
const files = ['native', 'test/device'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((file) => /\.(cc|h)$/.test(file))
    .map((file) => join(folder, file)),
);
const mode = process.argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i'];
const { status } = spawnSync(clangFormatPath, [...mode, ...files], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
