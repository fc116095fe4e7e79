// npm's install hook. In a checkout there is no dist/ yet when it first runs: `prepare` builds
// dist/ and runs this again. It never makes an installation fail.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/install.js', import.meta.url);
if (existsSync(bundle)) {
  try {
    const { installHook } = await import(bundle.href);
    await installHook();
  } catch (error) {
    console.error(`grpo-native: ${error.message}\ngrpo-native: ${error.fix ?? 'run: npx grpo-native setup'}`);
  }
}
