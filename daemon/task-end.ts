import type { Task } from './config/tasks.js';

/** What a task prints, and how it ends: 0 all well, 1 it did not succeed or the state is damaged, 3 a netctld has the state open. */
export interface TaskEnd {
  readonly print: string;
  readonly exitCode: 0 | 1 | 3;
}

/** What is done with one state. */
export type StateTask = Exclude<Task, { do: 'fault-points' | 'migrate-state' }>;
