/**
 * Which requests the server answers, by their `Host` header, as a defence against DNS rebinding: a page of another
 * site may request `http://its.name:port/` after pointing that name at this machine. Such a request has the
 * site's name in `Host`, and is refused unless the user allowed that name. IP addresses can't be rebound.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';

const LOOPBACK = /^(127(\.\d+){3}|::1|localhost)$/i;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/**
 * @param header the request's `Host`. Its port is ignored, since the local end of a tunnel may have another one.
 * @param bound address that the server listens on
 * @param allowed further names, such as a proxy's; `.example.com` allows that domain and its subdomains
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
