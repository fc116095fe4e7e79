/** The task that a command is about. */
import type { ChosenTask, Task } from '../data/tasks/index.js';
import { interruptible, sayStopping } from './interrupt.js';
import { downloadBar, toStandardError } from './output.js';

/** Loads the task or dataset that options name, and says on standard error what there is to know of it. */
export async function loadChosen(options: ChosenTask): Promise<Task> {
  const { chosenTask } = await import('../data/tasks/index.js');
  const download = downloadBar();
  const task = await interruptible(sayStopping, (signal) =>
    chosenTask(options, { signal, onDownload: download.onProgress }),
  ).finally(download.end);
  for (const notice of task.notices ?? []) toStandardError(notice);
  return task;
}
