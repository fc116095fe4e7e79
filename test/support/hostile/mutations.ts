/** Good files, made bad: what the fuzzing of the readers feeds them with. */
import fc from 'fast-check';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const DEEP = 20_000;
/** What JSON.stringify can't write, and a file can hold; stands in for these until the text is made. */
const RAW = {
  '@@deep@@': '['.repeat(DEEP) + ']'.repeat(DEEP),
  '@@deep object@@': '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP),
  '@@infinity@@': '1e400',
  '@@minus zero@@': '-0',
  '@@tiny@@': '5e-324',
} as const;

const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', '..', '../x', 'a\0b', '\ud800'];
const HOSTILE: Json[] = [
  ...(Object.keys(RAW) as (keyof typeof RAW)[]),
  ...[null, true, false, '', [], {}, [[]], [null], { a: null }],
  ...[0, -1, 1, 2, 3, 0.5, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53, -(2 ** 53), 1e300, 1e-300],
  ...['../../../etc/passwd', '/etc/passwd', 'C:\\x', 'x'.repeat(1000), '\0', '\ud800', 'NaN', '${HOME}'],
  JSON.parse('{"__proto__": {"polluted": true}}') as Json,
];

const hostile: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json> },
);

interface Edit {
  /** Which node, counted through the document; its remainder. */
  at: number;
  what: 'replace' | 'remove' | 'rename' | 'copy';
  value: Json;
  key: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(1_000_000),
  what: fc.constantFrom(
    'replace' as const,
    'replace' as const,
    'remove' as const,
    'rename' as const,
    'copy' as const,
  ),
  value: hostile,
  key: fc.constantFrom(...KEYS),
});

/** Text of `seed` after a few edits anywhere in it, and now and then of its bytes. */
export function mutatedJson(seed: unknown): fc.Arbitrary<string> {
  return fc.tuple(fc.array(edit, { minLength: 1, maxLength: 4 }), sometimes(damage)).map(([edits, bytes]) => {
    const text = textOf(edits.reduce(edited, seed as Json));
    return bytes ? damaged(text, bytes) : text;
  });
}

function textOf(json: Json): string {
  let text = JSON.stringify(json);
  for (const [name, raw] of Object.entries(RAW)) text = text.replaceAll(JSON.stringify(name), raw);
  return text;
}

function edited(json: Json, { at, what, value, key }: Edit): Json {
  const copy = structuredClone(json);
  const places = placesOf(copy);
  if (places.length === 0) return value;
  const [parent, name] = places[at % places.length]!;
  if (Array.isArray(parent)) {
    if (what === 'remove') parent.splice(name as number, 1);
    else if (what === 'copy') parent.push(structuredClone(parent[name as number]!));
    else parent[name as number] = value;
    return copy;
  }
  const from = name as string;
  const before = parent[from]!;
  if (what === 'remove' || what === 'rename') Reflect.deleteProperty(parent, from);
  // Not assigned: `__proto__` must become a key like any other.
  const set = (to: string, content: Json) =>
    Object.defineProperty(parent, to, {
      value: content,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  if (what === 'replace') set(from, value);
  if (what === 'rename') set(key, before);
  if (what === 'copy') set(key, structuredClone(before));
  return copy;
}

/** Every value of the document, by what holds it. */
function placesOf(json: Json): [Json[] | Record<string, Json>, string | number][] {
  if (typeof json !== 'object' || json === null) return [];
  const own = Array.isArray(json)
    ? json.map((_, i): [Json[], number] => [json, i])
    : Object.keys(json).map((key): [Record<string, Json>, string] => [json, key]);
  return own.flatMap(([parent, name]) => [
    [parent, name],
    ...placesOf((parent as Record<string | number, Json>)[name]!),
  ]);
}

/** One time in eight. */
const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

interface Damage {
  cut: number | null;
  flips: [number, number][];
}

const damage: fc.Arbitrary<Damage> = fc.record({
  cut: fc.option(fc.nat(1_000_000)),
  flips: fc.array(fc.tuple(fc.nat(1_000_000), fc.integer({ min: 1, max: 127 })), { maxLength: 4 }),
});

function damaged(text: string, { cut, flips }: Damage): string {
  const chars = [...text.slice(0, cut === null ? undefined : cut % (text.length + 1))];
  for (const [at, by] of flips)
    if (chars.length > 0)
      chars[at % chars.length] = String.fromCharCode((chars[at % chars.length]!.charCodeAt(0) ^ by) & 0x7f);
  return chars.join('');
}

/** A safetensors file of a mutated header, with a length and an amount of data that may be wrong. */
export function mutatedSafetensors(header: unknown, data: number): fc.Arbitrary<Uint8Array> {
  const lie = fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        0n,
        1n,
        7n,
        100_000_000n,
        100_000_001n,
        2n ** 31n,
        2n ** 63n,
        2n ** 64n - 1n,
      ),
    },
  );
  return fc
    .tuple(mutatedJson(header), lie, fc.oneof(fc.constant(data), fc.nat(2 * data)))
    .map(([text, length, bytes]) => {
      const json = Buffer.from(text);
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(length ?? BigInt(json.length));
      return Buffer.concat([prefix, json, Buffer.alloc(bytes)]);
    });
}

const YAML_PARTS = [
  ...[
    '!!js/function "function () { return process }"',
    '!!python/object/apply:os.system ["id"]',
    '!!binary aGk=',
  ],
  ...[
    '!!map 3',
    '!!set {a}',
    '!!timestamp 2001-01-01',
    '!include /etc/passwd',
    '<<: *a',
    '&a [*a]',
    '*nowhere',
  ],
  ...[
    '&a {b: 1}',
    '? [x]',
    '{__proto__: {x: 1}}',
    '{constructor: {prototype: 1}}',
    '---',
    '...',
    '%YAML 1.1',
  ],
  ...[
    '.inf',
    '-.inf',
    '.nan',
    '1e400',
    '0x7fffffffffffffff',
    '99999999999999999999',
    '0o7',
    '~',
    "''",
    '"\\x00"',
  ],
  ...[
    '|',
    '>',
    '\t',
    '- x',
    '[',
    '{',
    ']',
    ': ',
    '#',
    '\u2028',
    '\ufeff',
    '[1, 2',
    '../../../tmp/x',
    './evil.js',
  ],
  '['.repeat(5000),
  '- '.repeat(5000),
  '["a b", '.repeat(2000),
  '{a: '.repeat(2000),
  bomb(),
] as const;

/** Nine aliases of nine aliases ... of nine: 9^9 values in few bytes. */
function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(8)}*a${i - 1}]`);
  return `\n${lines.join('\n')}\n`;
}

/** Text of a YAML file with parts put in, taken out or damaged. */
export function mutatedYaml(seeds: readonly string[]): fc.Arbitrary<string> {
  const insert = fc.record({
    at: fc.nat(1_000_000),
    text: fc.oneof(fc.constantFrom(...YAML_PARTS), fc.string({ maxLength: 6 })),
    remove: fc.nat(8),
  });
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(insert, { minLength: 1, maxLength: 4 }), sometimes(damage))
    .map(([seed, inserts, bytes]) => {
      let text = seed;
      for (const { at, text: part, remove } of inserts) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + part + text.slice(place + remove);
      }
      return bytes ? damaged(text, bytes) : text;
    });
}
