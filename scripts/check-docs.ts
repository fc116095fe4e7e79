/**
 * `npm run docs:api`, `npm run docs:check`: the reference of the library in docs/api, from the comments of what
 * src/index.ts exports. An export without a comment, a function or class
 * without an example, and a page that differs from what would be written are errors.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Application,
  Comment,
  Converter,
  DeclarationReflection,
  ReflectionKind,
  RendererEvent,
  type ProjectReflection,
  type Router,
} from 'typedoc';
import type { z } from 'zod';
import { describeOptions } from '../src/config/describe.js';
import { toCamel } from '../src/config/names.js';
import { packageRoot } from '../src/machine/paths.js';
import { SFT, TRAIN } from '../src/run/options.js';

/** A page for the names of a room or two of `src/`, in the order of the index. */
const PAGES = [
  {
    name: 'Training',
    rooms: ['run', 'experiments'],
    text: 'A whole run: its options, what it reports while it goes on, its summary. Evaluation.',
  },
  {
    name: 'Model',
    rooms: ['hub', 'model'],
    text: 'A language model that samples, scores and learns, and its tokenizer.',
  },
  {
    name: 'Algorithms',
    rooms: ['grpo'],
    text: 'Advantages, losses, batches, learning rates, metrics: those built in, and the types of your own.',
  },
  {
    name: 'Tasks and rewards',
    rooms: ['data'],
    text: 'Problems, how they are split, and the functions that judge completions.',
  },
  { name: 'Engine', rooms: ['engine'], text: 'The typed surface of the native addon, below the model.' },
  { name: 'Errors and intervals', rooms: ['common'], text: 'What is thrown, and how sure a share is.' },
];

const INTRODUCTION = `Every name that \`import ... from 'grpo-native'\` gives, made from the comments in \`src/\` by \`npm run docs:api\`. The examples leave out the imports. Shapes stand in brackets: \`[tokens]\` is one number for each token, completions one after another. Log-probabilities and entropies are in nats, times in seconds, memory in bytes.

Errors are [GrpoError](Errors-and-intervals.md#grpoerror)s, whose \`code\` each function names under "Throws". Beside this reference: [your own algorithm](../algorithms.md), [the losses](../losses.md), [the metrics](../metrics.md), [the diagnosis](../diagnosis.md), [how it is built](../architecture.md).`;

/** Moves each export to the page of its room. */
function intoPages(app: Application, project: ProjectReflection): void {
  const exported = [...(project.children ?? [])];
  for (const { name, rooms, text } of PAGES) {
    const page = new DeclarationReflection(name, ReflectionKind.Module, project);
    page.comment = new Comment([{ kind: 'text', text }]);
    for (const one of exported) {
      const room = /(?:^|\/)src\/(\w+)\//.exec(
        project.getSymbolIdFromReflection(one)?.packagePath ?? '',
      )?.[1];
      if (room === undefined || !rooms.includes(room)) continue;
      project.removeChild(one);
      one.parent = page;
      page.addChild(one);
    }
    project.addChild(page);
    project.registerReflection(page, undefined, undefined);
  }
  for (const one of exported) {
    if (one.parent === project)
      app.logger.error(`${one.name} is on no page: see PAGES in scripts/check-docs.ts`);
    const comments = [one, ...(one.signatures ?? [])].map(({ comment }) => comment);
    if (!one.kindOf([ReflectionKind.Class, ReflectionKind.Function])) continue;
    if (!comments.some((comment) => comment?.getTag('@example')))
      app.logger.error(`${one.name} has no @example`);
  }
}

/** What the types of options can't say, for their aliases are computed: a table of the declarations. */
function describe(project: ProjectReflection, alias: string, schema: z.ZodObject): void {
  const rows = describeOptions(schema).map(({ name, allowed, description, default: value }) => {
    const cells = [`\`${toCamel(name)}\``, allowed, `\`${JSON.stringify(value)}\``, description];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const table = ['| Option | Value | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  const note =
    'Files and flags have the same names in snake_case. Presets and the model `tiny` have defaults of their own: `trainOptions` gives the values of a run.';
  project.getChildByName([alias])?.comment?.summary.push({ kind: 'text', text: `\n\n${note}\n\n${table}` });
}

/** The first page: what is on which, by name. */
function index(project: ProjectReflection, router: Router): string {
  const pages = (project.children ?? []).map((page) => {
    const names = (page.children ?? []).map(
      (one) => `[${one.name.replaceAll('_', '\\_')}](${router.getFullUrl(one)})`,
    );
    const text = Comment.combineDisplayParts(page.comment?.summary);
    return `## [${page.name}](${router.getFullUrl(page)})\n\n${text}\n\n${names.join(' · ')}`;
  });
  return `# The library\n\n${INTRODUCTION}\n\n${pages.join('\n\n')}\n`;
}

/** Every file below a folder, with its text. */
function read(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}

const root = packageRoot();
const kept = join(root, 'docs', 'api');
const writes = process.argv.includes('--write');
const out = writes ? kept : mkdtempSync(join(tmpdir(), 'grpo-native-docs-'));

try {
  const app = await Application.bootstrapWithPlugins({ options: root, out, logLevel: 'Warn' });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    describe(project, 'TrainOptions', TRAIN);
    describe(project, 'SftOptions', SFT);
    intoPages(app, project);
  });
  app.renderer.on(RendererEvent.END, ({ project }) => {
    writeFileSync(join(out, 'README.md'), index(project, app.renderer.router!));
  });
  const project = await app.convert();
  if (project) {
    app.validate(project);
    await app.generateOutputs(project);
  }
  if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
  if (!writes) {
    const [now, before] = [read(out), read(kept)];
    const differ = [...new Set([...now.keys(), ...before.keys()])].filter(
      (f) => now.get(f) !== before.get(f),
    );
    if (differ.length > 0) {
      console.error(`docs/api is out of step (${differ.join(', ')}): run npm run docs:api`);
      process.exitCode = 1;
    }
  }
} finally {
  if (!writes) rmSync(out, { recursive: true, force: true });
}
