/** `format` and `length`: how a completion is made, whatever it says. */
import { z } from 'zod';
import { rewardKind } from '../types.js';
import { READING_OPTIONS } from './reading.js';
import { tagged } from './section.js';

export const format = rewardKind({
  example: 'format:think,answer',
  options: z.strictObject({ tags: z.array(READING_OPTIONS.tag.unwrap()).min(1) }),
  argument: (tags) => ({ tags: Array.isArray(tags) ? tags : tags.split(',') }),
  make: ({ tags }) => {
    const last = tags.at(-1)!;
    return {
      reward: (completions) => completions.map(({ completion }) => share(completion, tags)),
      // What stands after the last tag's first section is not looked at.
      stop: (text) => tagged(text, last) !== undefined,
      write: (text) => written(text, tags),
    };
  },
});

/** Share of the tags that are there, opened and closed, one after another, up to the end of the last one. */
function share(text: string, tags: readonly string[]): number {
  const read = text.slice(0, tagged(text, tags.at(-1)!)?.end);
  let from = 0;
  let found = 0;
  for (const tag of tags) {
    const section = tagged(read, tag, from);
    if (!section) continue;
    found++;
    from = section.end;
  }
  return found / tags.length;
}

/** The text with the tags that it lacks; without any, it is what the last one holds. */
function written(text: string, tags: readonly string[]): string {
  const last = tags.at(-1)!;
  const inside = tags.some((tag) => tagged(text, tag)) ? text : `<${last}>${text}</${last}>`;
  return tags.reduceRight((all, tag) => (tagged(all, tag) ? all : `<${tag}>...</${tag}>${all}`), inside);
}

export const length = rewardKind({
  example: 'length:100',
  options: z.strictObject({ limit: z.number().int().min(1) }),
  argument: (limit) => ({ limit: Number(limit) }),
  make: ({ limit }) => ({
    reward: (completions) => completions.map(({ completion }) => shortness(completion, limit)),
    stop: (text) => shortness(text, limit) === 0,
  }),
});

/** 1 up to `limit` characters, from there on falling in a line to 0 at twice as many. */
function shortness(text: string, limit: number): number {
  // A character takes up to two places.
  const characters = Array.from(text.slice(0, 4 * limit)).length;
  return Math.min(1, Math.max(0, 2 - characters / limit));
}
