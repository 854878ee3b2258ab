/** Somebody is at work on deleting an object: nothing new may use it meanwhile. */
export interface Deletion {
  /** The host whose netctld does it. Absent in states from before hosts were told apart. */
  readonly host?: string;
  /** Another host, which cannot follow, and the reason: the deletion is to be taken back. */
  readonly refused?: { readonly host: string; readonly reason: string };
}
