/** Kinds of options that are declared again and again. */
import { z } from 'zod';
import { expandHome } from '../machine/paths.js';

export const whole = (least: number) => z.number().int().min(least);

export const share = () => z.number().min(0).max(1);

/** Of a file, a folder or a module, or what may be one; `~/` is the home folder. */
export const path = () => z.string().min(1).overwrite(expandHome);
