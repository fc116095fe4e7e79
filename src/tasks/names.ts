/** What `--task` takes beside a module; apart from the tasks, so that help need not load them. */
export const TASK_NAMES = ['arithmetic', 'counting', 'comparison', 'binary', 'mixed'] as const;
