/** What `netctl doctor` found out about one thing. */
export interface Finding {
  /** What was looked at, in a word or two: `nft`, `router of blue`. */
  readonly check: string;
  /** `warning`: all works, but something will not, or not well. */
  readonly status: 'ok' | 'warning' | 'failed';
  /** A sentence, in the style of error messages. */
  readonly message: string;
  /** What to do; absent where all is well. */
  readonly remedy?: string;
}
