/** Schemas that many option declarations share. */
import { z } from 'zod';
import { expandHome } from '../machine/paths.js';

export const whole = (least: number) => z.number().int().min(least);

export const share = () => z.number().min(0).max(1);

/** A path of a file, folder or module, or a name that may be a path; a leading `~/` is expanded to the home folder. */
export const path = () => z.string().min(1).overwrite(expandHome);
