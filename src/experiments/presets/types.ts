import type { z } from 'zod';
import type { TRAIN } from '../../run/options.js';

/** An experiment by name: one of the research journal, one that goes beyond it, or another's recipe. */
export interface Preset {
  name: string;
  /** In words, how it differs from the base of its kind. */
  differs: string;
  /** What the journal, or whoever published the recipe, says came of it, or was expected to. */
  reported?: string;
  /** What came of it here. */
  measured?: string;
  /** Options by their snake_case names, which override those of the base. */
  options: Partial<z.input<typeof TRAIN>>;
  /** The preset whose final weights it starts from. */
  continues?: string;
}
