/** What netctl holds in the host's own namespace, desired or observed. */
export interface HostState {
  readonly todo: never[];
}

/** One change to it. */
export interface HostStep {
  readonly action: never;
}
