/** The source of the page's data: the report file that it is in, or the server. */
import { openEvents, type Listener } from './events.js';
import type { CompletionRecord, Embedded, OutcomeData, RunData } from '../server/types.js';

export interface Source {
  runs(): Promise<RunData[]>;
  outcomes(): Promise<OutcomeData>;
  completions(step: number): Promise<CompletionRecord[]>;
  /** Only in a report file: its data beside the runs. */
  about?: Omit<Embedded, 'runs'>;
  /** Only from a server: listens to updates of the run. */
  listen?(listener: Listener): void;
}

export async function openSource(): Promise<Source> {
  const embedded = document.querySelector('script.runs');
  return embedded ? fileSource(JSON.parse(await unpack(embedded)) as Embedded) : serverSource();
}

async function unpack(element: Element): Promise<string> {
  const bytes = Uint8Array.from(atob(element.textContent), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}

function fileSource({ runs, ...about }: Embedded): Source {
  const blocks = [...document.querySelectorAll<HTMLElement>('script.completions')];
  // Blocks are unpacked when the reader looks at one of their steps.
  const opened = new Map<HTMLElement, Promise<Map<number, CompletionRecord[]>>>();
  const open = async (block: HTMLElement) => {
    const steps = (await unpack(block)).split('\n').map((line) => JSON.parse(line) as CompletionRecord[]);
    return new Map(steps.map((records) => [records[0]!.step, records]));
  };
  return {
    about,
    runs: () => Promise.resolve(runs),
    outcomes: async () => JSON.parse(await unpack(document.querySelector('script.outcomes')!)) as OutcomeData,
    completions: async (step) => {
      const block = blocks.find(({ dataset }) => Number(dataset.from) <= step && step <= Number(dataset.to));
      if (!block) return [];
      if (!opened.has(block)) opened.set(block, open(block));
      return (await opened.get(block)!).get(step) ?? [];
    },
  };
}

function serverSource(): Source {
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
    return (await response.json()) as T;
  };
  return {
    runs: async () => [await get<RunData>('api/run')],
    outcomes: () => get<OutcomeData>('api/outcomes'),
    completions: (step) => get<CompletionRecord[]>(`api/completions?step=${step}`),
    listen: openEvents,
  };
}
