/** What a task may be asked for; the same for all, and each takes what it knows. Declared for users in `src/config/options.ts`. */
export interface TaskOptions {
  /** Largest number in a problem; null: the task's own. */
  maxOperand?: number | null | undefined;
  /** Of arithmetic: any of `+-*`. */
  operations?: string | undefined;
  /** Of `mixed`: share of each task, by name or module path. */
  taskWeights?: Record<string, number> | null | undefined;
}
