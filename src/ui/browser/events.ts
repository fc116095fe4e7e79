/**
 * Receives the server's events. A browser opens at most six connections to a server, and an event stream keeps one
 * for good. So only one of all tabs opens the stream and forwards its events to the others; when that tab is
 * closed, another takes over.
 */
import type { Update } from '../server/types.js';

export interface Listener {
  onUpdate(update: Update): void;
  /** Connected: the server is at this version, and sends all later updates. */
  onHello(version: number): void;
  /** Everything must be loaded again. */
  onReset(): void;
  onLost(): void;
}

type Message =
  | { event: 'update'; data: Update }
  | { event: 'hello'; version: number }
  | { event: 'reset' }
  | { event: 'lost' }
  /** Sent by a tab that was just opened: the tab with the stream repeats the last message. */
  | { event: 'who' };

const NAME = 'grpo-native-events';

export function openEvents(listener: Listener): void {
  const receive = (message: Message) => {
    if (message.event === 'update') listener.onUpdate(message.data);
    else if (message.event === 'hello') listener.onHello(message.version);
    else if (message.event === 'reset') listener.onReset();
    else if (message.event === 'lost') listener.onLost();
  };
  // Absent on a page loaded over plain HTTP from another machine: then each tab opens a stream of its own.
  const locks = (navigator as { locks?: LockManager }).locks;
  if (!locks) {
    stream(receive);
    return;
  }
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener('message', ({ data }) => receive(data as Message));
  channel.postMessage({ event: 'who' } satisfies Message);
  void locks.request(NAME, () => {
    let last: Message | undefined;
    stream((message) => {
      last = message.event === 'update' ? { event: 'hello', version: message.data.version } : message;
      receive(message);
      channel.postMessage(message);
    });
    channel.addEventListener('message', ({ data }) => {
      if ((data as Message).event === 'who' && last) channel.postMessage(last);
    });
    // Never resolves: the lock is held until the tab is closed.
    return new Promise(() => undefined);
  });
}

function stream(tell: (message: Message) => void): void {
  // An EventSource reconnects by itself when the server is back.
  const events = new EventSource('api/events');
  const json = ({ data }: MessageEvent) => JSON.parse(String(data)) as unknown;
  events.addEventListener('hello', (event) =>
    tell({ event: 'hello', version: (json(event) as { version: number }).version }),
  );
  events.addEventListener('update', (event) => tell({ event: 'update', data: json(event) as Update }));
  events.addEventListener('reset', () => tell({ event: 'reset' }));
  events.addEventListener('error', () => {
    tell({ event: 'lost' });
    // Unlike a lost connection, an error response closes it for good.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => stream(tell), 5000);
  });
}
