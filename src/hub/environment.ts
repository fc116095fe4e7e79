/**
 * What the environment says of the hub: `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HOME`, `HF_HUB_CACHE` and
 * `HF_HUB_OFFLINE` mean what they mean to Hugging Face's own tools.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { cacheDir, expandHome, userCache } from '../machine/paths.js';

/** The hub's own address; its pages are there, whatever mirror serves the files. */
export const HUB = 'https://huggingface.co';

/**
 * Address of the hub or of a mirror, without a slash at its end.
 * @throws {GrpoError} HUB_ENDPOINT
 */
export function endpoint(): string {
  const address = process.env.HF_ENDPOINT || HUB;
  if (/^https?:\/\/[^/]/.test(address) && URL.canParse(address)) return address.replace(/\/+$/, '');
  throw new GrpoError('HUB_ENDPOINT', `HF_ENDPOINT is no address of a server: ${address}`, {
    fix: `give an address such as ${HUB}, or unset HF_ENDPOINT`,
    value: address,
  });
}

/** The folder of Hugging Face's tools. */
const home = (): string =>
  process.env.HF_HOME ? expandHome(process.env.HF_HOME) : join(userCache() ?? cacheDir(), 'huggingface');

/** The cache that Hugging Face's tools share. */
export const cacheFolder = (): string =>
  process.env.HF_HUB_CACHE ? expandHome(process.env.HF_HUB_CACHE) : join(home(), 'hub');

/** The file that `hf auth login` saves the token in. */
export const tokenFile = (): string =>
  process.env.HF_TOKEN_PATH ? expandHome(process.env.HF_TOKEN_PATH) : join(home(), 'token');

/** The token: that of the environment, else the one that `hf auth login` saved. */
export async function readToken(): Promise<string | undefined> {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN } = process.env;
  const given = HF_TOKEN?.trim() || HUGGING_FACE_HUB_TOKEN?.trim();
  return given || (await readFile(tokenFile(), 'utf8').catch(() => '')).trim() || undefined;
}

/** Whether the network may not be used. */
export const isOffline = (): boolean => /^(1|on|yes|true)$/i.test(process.env.HF_HUB_OFFLINE ?? '');
