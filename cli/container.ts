interface NamedContainer {
  readonly containerID?: string | undefined;
  readonly containerName?: string | undefined;
}

/** Docker's API gives container names with a leading slash; its command line does not show it. */
export function containerName(container: NamedContainer): string {
  return (container.containerName ?? '').replace(/^\//, '');
}

/** The first twelve digits, as `docker ps` shows them; empty while Docker has not said which container it is. */
export function shortId(container: NamedContainer): string {
  return (container.containerID ?? '').slice(0, 12);
}

/** Whether it must be said on which host each of them is. */
export function areOnSeveralHosts(items: readonly { readonly homingHost?: string | undefined }[]): boolean {
  return new Set(items.map(({ homingHost }) => homingHost)).size > 1;
}
