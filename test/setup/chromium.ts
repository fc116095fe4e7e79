/** Tests of pages need a browser. Where Debian's packages may be installed it is; else it is said, once. */
import { execFileSync } from 'node:child_process';
import { chromiumPath } from '../support/chromium.js';

export default function setup(): void {
  try {
    chromiumPath();
  } catch (missing) {
    if (process.getuid?.() !== 0 || process.env.CHROMIUM) throw missing;
    process.stderr.write('installing Chromium, which the tests of pages need: apt-get install chromium\n');
    try {
      aptGet('update');
      aptGet('install', '--yes', '--no-install-recommends', 'chromium');
    } catch {
      throw missing;
    }
    chromiumPath();
  }
}

const aptGet = (...args: string[]) =>
  execFileSync('apt-get', ['--quiet', '--quiet', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
