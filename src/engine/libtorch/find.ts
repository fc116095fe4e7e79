/** Searches for a libtorch in the usual places, in a fixed order. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { cacheDir, readJson, writableCacheDir } from '../../machine/paths.js';
import { which } from '../../machine/exec.js';
import { inspect, type Libtorch } from './inspect.js';
import { python3, torchOf } from './python.js';

/** A place that was searched. */
export interface Place {
  /** Why it was searched: `LIBTORCH`, `last setup`, ... */
  source: string;
  /** The folder or interpreter; null where the source names none. */
  where: string | null;
  libtorch: Libtorch | null;
}

export interface Search {
  places: Place[];
  /** The first usable one. */
  chosen: Libtorch | null;
  /** Where `chosen` was found. */
  source: string | null;
}

/** Searches every place. A `LIBTORCH` that is set but unusable is an error. */
export function search(): Search {
  const places = [fromEnvironment(), fromLastSetup(), ...fromPython(), fromCache()];
  const named = places[0]!;
  const usable = places.find((place) => place.libtorch?.problem === null);
  if (named.where !== null && usable !== named) return { places, chosen: null, source: null };
  return { places, chosen: usable?.libtorch ?? null, source: usable?.source ?? null };
}

/** The libtorch in a folder that the user named; throws if it is unusable. */
export function named(path: string, by: string): Libtorch {
  const libtorch = inspect(path);
  if (libtorch === null) {
    throw new GrpoError('LIBTORCH_NOT_FOUND', `${by} names ${path}, which holds no libtorch`, {
      fix: 'Give the folder that holds include/ and lib/ (for a wheel: .../site-packages/torch)',
      value: path,
    });
  }
  if (libtorch.problem !== null) throw libtorch.problem;
  return libtorch;
}

/** The libtorch to use; if there is none, throws an error that lists every place searched. */
export function findLibtorch(): { libtorch: Libtorch; source: string } {
  const { places, chosen, source } = search();
  if (chosen !== null) return { libtorch: chosen, source: source! };
  const fromEnv = process.env.LIBTORCH;
  if (fromEnv) return { libtorch: named(fromEnv, 'LIBTORCH'), source: 'LIBTORCH' };
  throw new GrpoError('LIBTORCH_NOT_FOUND', `No libtorch found. ${places.map(describe).join('; ')}`, {
    fix: 'Run: npx grpo-native setup',
  });
}

/** One line about a place: what was found there, and why it can't be used. */
export function describe({ source, where, libtorch }: Place): string {
  if (where === null) return `${source}: none`;
  if (libtorch === null) return `${source}: no libtorch in ${where}`;
  const what = `${source}: ${libtorch.version} in ${libtorch.path}`;
  return libtorch.problem === null ? what : `${what} (${libtorch.problem.message})`;
}

/** The virtual environment that `setup` fetches libtorch into. */
export function cacheVenv(): string {
  return join(cacheDir(), 'venv');
}

/** Marker file that a download writes last; without it, the download was interrupted. */
export function fetchMarker(): string {
  return join(cacheVenv(), 'complete.json');
}

/** Remembers the chosen libtorch for the next build. */
export function remember(libtorch: Libtorch): void {
  writableCacheDir();
  writeFileSync(
    choiceFile(),
    JSON.stringify({ path: libtorch.path, version: libtorch.version }, null, 2) + '\n',
  );
}

function choiceFile(): string {
  return join(cacheDir(), 'libtorch.json');
}

function place(source: string, where: string | null, path = where): Place {
  return { source, where, libtorch: path === null ? null : inspect(path) };
}

function fromEnvironment(): Place {
  return place('LIBTORCH', process.env.LIBTORCH || null);
}

function fromLastSetup(): Place {
  return place('last setup', readJson<{ path: string }>(choiceFile())?.path ?? null);
}

function fromPython(): Place[] {
  const venv = process.env.VIRTUAL_ENV;
  const active = venv ? which(join(venv, 'bin', 'python')) : null;
  const onPath = python3();
  const places = [place('python3 on the PATH', onPath, onPath && torchOf(onPath))];
  // The active environment is usually first on the PATH as well: list it once.
  if (active !== null && onPath !== join(venv!, 'bin', 'python3')) {
    places.unshift(place('active virtual environment', venv!, torchOf(active)));
  }
  // A conda environment may have libtorch without Python.
  const conda = process.env.CONDA_PREFIX;
  if (conda && onPath !== join(conda, 'bin', 'python3'))
    places.push(place('active conda environment', conda));
  return places;
}

function fromCache(): Place {
  const complete = readJson(fetchMarker()) !== undefined;
  return place("user's cache", cacheVenv(), complete ? cacheVenv() : null);
}
