/**
 * Options of the built-in tasks; each reads those that it knows. Modules that export a function get them too.
 */
export interface TaskOptions {
  /** Largest number in a problem; null (default): 20, of binary 255. */
  maxOperand?: number | null | undefined;
  /** Of arithmetic: any of `+-*`; default all three. */
  operations?: string | undefined;
  /**
   * Of `mixed`: share of each task, by name or path of a module; null (default): arithmetic 2, counting 1,
   * comparison 1.
   */
  taskWeights?: Record<string, number> | null | undefined;
}
