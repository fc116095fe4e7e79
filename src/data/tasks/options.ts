/** Options of tasks; each task reads those that apply to it. They are declared for users in `../options.ts`. */
export interface TaskOptions {
  /** Largest number in a problem; null: the task's own. */
  maxOperand?: number | null | undefined;
  /** Operations of arithmetic: any of `+-*`. */
  operations?: string | undefined;
  /** Weight of each task of `mixed`, by name or module path. */
  taskWeights?: Record<string, number> | null | undefined;
}
