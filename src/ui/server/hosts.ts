/**
 * Whom the server answers. A page of another site may ask for `http://its.name:port/` and let that name lead to
 * this machine: such a request carries the site's name, and is refused unless a person allowed the name. An address can't be rebound so.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';

const LOOPBACK = /^(127(\.\d+){3}|::1|localhost)$/i;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/**
 * @param header `Host` of the request. Its port doesn't matter: the near end of a tunnel has one of its own.
 * @param bound address that the server listens on
 * @param allowed names beside, such as a proxy's; `.example.com` stands for that domain and all below it
 */
export function hostAllowed(
  header: string | undefined,
  bound: string,
  allowed: readonly string[] = [],
): boolean {
  const name = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header ?? '');
  const host = name?.[1] ?? name?.[2];
  if (host === undefined) return false;
  if (isLoopback(host) || allowed.some((name) => isNamed(host.toLowerCase(), name.toLowerCase())))
    return true;
  if (isLoopback(bound)) return false;
  return isIP(host) !== 0 || host.toLowerCase() === hostname().toLowerCase() || host === bound;
}

const isNamed = (host: string, name: string): boolean =>
  name.startsWith('.') ? host === name.slice(1) || host.endsWith(name) : host === name;
