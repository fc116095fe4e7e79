/** Serves a run's page while the run goes on. Only reads the run folder, and pushes updates to open pages. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { GrpoError } from '../../common/errors.js';
import { pageAssets, type Assets } from './assets.js';
import { hostAllowed, isLoopback } from './hosts.js';
import { LiveRun } from './live.js';
import { RunReader } from './run-reader.js';

export interface ServeOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Host names that requests may use, beside the machine's own. */
  allowedHosts?: readonly string[];
}

export interface PageServer {
  url: string;
  close(): Promise<void>;
}

/** Most pages that may be open at once; each holds a connection. */
const MOST_PAGES = 64;
/** Milliseconds between comments on an idle connection, so that tunnels keep it open. */
const HEARTBEAT = 15_000;

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data: blob:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>grpo-native</title>
<link rel="stylesheet" href="page.css">
<body>
<script src="page.js"></script>
</body>
</html>
`;

/** @throws {GrpoError} RUN_NOT_FOUND, PAGE_MISSING, PORT_TAKEN */
export async function serveRun(folder: string, options: ServeOptions): Promise<PageServer> {
  const { host, port } = options;
  const assets = await pageAssets();
  const run = new LiveRun(await RunReader.open(folder));
  const server = createServer((request, response) => {
    answer(request, response, options, run, assets).catch((error: unknown) => {
      if (!response.headersSent) send(request, response, 500, 'text/plain', (error as Error).message);
      else response.destroy();
    });
  });
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  return {
    url: `http://${isLoopback(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${address.port}/`,
    close: async () => {
      await run.close();
      await new Promise((done) => {
        server.close(done);
        // Leaves a moment for the last writes to arrive.
        setTimeout(() => server.closeAllConnections(), 100);
      });
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new GrpoError('PORT_TAKEN', `cannot serve on ${host}:${port}: ${error.message}`, {
          fix:
            error.code === 'EADDRINUSE'
              ? 'choose another --port, or 0 for any that is free'
              : 'choose another --host or --port',
          value: port,
          cause: error,
        }),
      ),
    );
    server.listen(port, host, done);
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { host, allowedHosts }: ServeOptions,
  run: LiveRun,
  assets: Assets,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page');
  const reply = (status: number, type: string, text: string) => send(request, response, status, type, text);
  const json = (data: unknown) => reply(200, 'application/json', JSON.stringify(data));
  if (!hostAllowed(request.headers.host, host, allowedHosts))
    reply(
      403,
      'text/plain',
      'this page does not answer to that name; if it is yours: grpo-native watch RUN --allowed-host NAME\n',
    );
  else if (request.method !== 'GET' && request.method !== 'HEAD')
    reply(405, 'text/plain', 'nothing here can be changed\n');
  else if (pathname === '/') reply(200, 'text/html', PAGE);
  else if (pathname === '/page.js') reply(200, 'text/javascript', assets.script);
  else if (pathname === '/page.css') reply(200, 'text/css', assets.style);
  else if (pathname === '/api/run') {
    await run.look();
    json(run.reader.data());
  } else if (pathname === '/api/outcomes') json(run.reader.outcomes());
  else if (pathname === '/api/completions')
    json(await run.reader.completions(Number(searchParams.get('step'))));
  else if (pathname === '/api/events' && request.method === 'GET') push(request, response, run);
  else reply(404, 'text/plain', 'there is no such page\n');
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  const small = text.length < 1024 || !/\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const body = small ? Buffer.from(text) : gzipSync(text);
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Length': body.length,
    ...(!small && { 'Content-Encoding': 'gzip' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Sends updates of the run as server-sent events. */
function push(request: IncomingMessage, response: ServerResponse, run: LiveRun): void {
  if (run.listeners >= MOST_PAGES) {
    send(request, response, 503, 'text/plain', 'too many pages are open\n');
    return;
  }
  response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream; charset=utf-8' });
  // Browsers reconnect by themselves, after `retry` milliseconds.
  response.write(`retry: 1000\nevent: hello\ndata: ${JSON.stringify({ version: run.reader.version })}\n\n`);
  const stop = run.listen((message) => {
    const data = message.event === 'update' ? JSON.stringify(message.data) : '{}';
    response.write(`event: ${message.event}\ndata: ${data}\n\n`);
  });
  const beat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT);
  beat.unref();
  request.on('close', () => {
    stop();
    clearInterval(beat);
  });
}
