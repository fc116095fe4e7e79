import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { hostAllowed } from '../../../../src/ui/server/hosts.js';

describe('the Host of a request', () => {
  it.each(['127.0.0.1', '127.0.0.1:7788', 'localhost:9000', 'LOCALHOST', '[::1]:7788'])(
    'may be this machine: %s',
    (host) => expect(hostAllowed(host, '127.0.0.1')).toBe(true),
  );

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:7788',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    '192.168.1.5:7788',
    '0.0.0.0:7788',
  ])('may be nobody else while the server is bound to loopback: %s', (host) =>
    expect(hostAllowed(host, '127.0.0.1')).toBe(false),
  );

  it('may be an address or the name of the machine where others are let in, but no name of another', () => {
    expect(hostAllowed('192.168.1.5:7788', '0.0.0.0')).toBe(true);
    expect(hostAllowed(`${hostname()}:7788`, '0.0.0.0')).toBe(true);
    expect(hostAllowed('evil.example:7788', '0.0.0.0')).toBe(false);
  });

  it.each<[string, string[], boolean]>([
    ['gpu.example.com:7788', ['gpu.example.com'], true],
    ['GPU.Example.com', ['other', 'gpu.example.COM'], true],
    ['a.gpu.example.com', ['gpu.example.com'], false],
    ['a.gpu.example.com', ['.example.com'], true],
    ['example.com', ['.example.com'], true],
    ['evilexample.com', ['.example.com'], false],
    ['example.com.evil', ['.example.com', 'example.com'], false],
  ])('%s with --allowed-host %j: %s, whatever address is bound', (host, allowed, answer) => {
    for (const bound of ['0.0.0.0', '127.0.0.1']) expect(hostAllowed(host, bound, allowed)).toBe(answer);
  });
});
