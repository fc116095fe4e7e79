/**
 * What the server pushes. A browser opens six connections to a server and no more, and a stream takes one for
 * good: of all tabs one has the stream and tells the others; when it is closed another one takes over.
 */
import type { Update } from '../server/types.js';

export interface Listener {
  onUpdate(update: Update): void;
  /** The server has come to this version, and tells all that follows. */
  onHello(version: number): void;
  /** All of it must be asked for again. */
  onReset(): void;
  onLost(): void;
}

type Message =
  | { event: 'update'; data: Update }
  | { event: 'hello'; version: number }
  | { event: 'reset' }
  | { event: 'lost' }
  /** Of a tab that has just come: the one that has the stream answers. */
  | { event: 'who' };

const NAME = 'grpo-native-events';

export function openEvents(listener: Listener): void {
  const receive = (message: Message) => {
    if (message.event === 'update') listener.onUpdate(message.data);
    else if (message.event === 'hello') listener.onHello(message.version);
    else if (message.event === 'reset') listener.onReset();
    else if (message.event === 'lost') listener.onLost();
  };
  // Absent on a page that comes from another machine without encryption: then each tab has a stream of its own.
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
    // Held until the tab is closed.
    return new Promise(() => undefined);
  });
}

function stream(tell: (message: Message) => void): void {
  // Comes back by itself after the server did.
  const events = new EventSource('api/events');
  const json = ({ data }: MessageEvent) => JSON.parse(String(data)) as unknown;
  events.addEventListener('hello', (event) =>
    tell({ event: 'hello', version: (json(event) as { version: number }).version }),
  );
  events.addEventListener('update', (event) => tell({ event: 'update', data: json(event) as Update }));
  events.addEventListener('reset', () => tell({ event: 'reset' }));
  events.addEventListener('error', () => {
    tell({ event: 'lost' });
    // A refusal ends it for good, unlike a server that is gone.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => stream(tell), 5000);
  });
}
