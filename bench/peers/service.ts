/** A TCP service, as all who balance know it. */
export interface BenchService {
  readonly address: string;
  readonly port: number;
  /** At least one. */
  readonly providers: readonly { readonly address: string; readonly port: number }[];
}
