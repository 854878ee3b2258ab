import type { Task } from './config/tasks.js';
import { runDirectoryTask } from './directory-tasks.js';
import type { StoreConfig } from './open-store.js';
import type { TaskEnd } from './task-end.js';

/** Carries out what concerns the state, wherever it is. @throws NetctlError. */
export async function runStateTask(task: Exclude<Task, { do: 'fault-points' }>, config: StoreConfig, now: Date): Promise<TaskEnd> {
  const { store } = config;
  if (task.do === 'migrate-state') return (await import('./migration.js')).migrate(config, task, now);
  if (store.kind === 'embedded') return runDirectoryTask(task, config.state, now);
  return (await import('./etcd-tasks.js')).runEtcdTask(task, config, store, now);
}
