// `npm run build:native [-- --debug] [-- --clean]`, and what binding.gyp calls.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/install.js', import.meta.url);
if (existsSync(bundle)) {
  const { buildNative } = await import(bundle.href);
  await buildNative(process.argv.slice(2));
} else {
  console.error('grpo-native: dist/ is missing; run: npm run build');
  process.exitCode = 1;
}
