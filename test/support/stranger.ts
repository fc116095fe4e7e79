/** The packed tarball, and a stranger's empty folder to install it in. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { which } from '../../src/machine/exec.js';
import { packageRoot } from '../../src/machine/paths.js';

export interface Stranger {
  /** To be removed at the end; holds the two others. */
  folder: string;
  /** An empty folder with a package.json of its own. */
  project: string;
  /** The environment of a machine that has node and npm, and nothing that leads to libtorch. */
  bare: NodeJS.ProcessEnv;
  /** The same with the build tools, still with a cache of its own. */
  withTools: NodeJS.ProcessEnv;
  /** Runs a program in `project`; in `bare` unless told otherwise. */
  run(
    program: string,
    args: string[],
    env?: NodeJS.ProcessEnv,
  ): { status: number | null; stdout: string; stderr: string };
  /** Packs the checkout and installs the tarball in `project`. */
  install(): ReturnType<Stranger['run']>;
}

export function stranger(): Stranger {
  const folder = mkdtempSync(join(tmpdir(), 'grpo-install-'));
  const project = join(folder, 'project');
  const bin = join(folder, 'bin');
  mkdirSync(project);
  mkdirSync(bin);
  writeFileSync(join(project, 'package.json'), '{ "name": "stranger", "version": "1.0.0" }');
  for (const program of ['node', 'npm', 'npx', 'sh'])
    symlinkSync(program === 'node' ? process.execPath : which(program)!, join(bin, program));
  const nothing = { LIBTORCH: '', VIRTUAL_ENV: '', GRPO_NATIVE_ADDON: '' };
  const cache = join(folder, 'cache');
  const bare = { ...process.env, ...nothing, PATH: bin, GRPO_NATIVE_CACHE: cache, NO_COLOR: '1' };
  const withTools = { ...bare, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` };

  const run: Stranger['run'] = (program, args, env = bare) => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, env, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const install = () => {
    const pack = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
      cwd: packageRoot(),
      encoding: 'utf8',
    });
    if (pack.status !== 0) throw new Error(`npm pack: ${pack.stderr}`);
    const tarball = join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
    );
    const args = ['install', tarball, '--foreground-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
    return run('npm', args);
  };
  return { folder, project, bare, withTools, run, install };
}

export interface DoctorReport {
  ok: boolean;
  problems: { code: string; fix: string }[];
  addon: { loads: boolean; matrix_backend: string };
}
