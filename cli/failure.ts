/** The exit codes are Contiv's (netctl/exit.go); scripts rest on them. */
export const exitCodes = {
  ok: 0,
  /** The command line is wrong; nothing was sent. */
  usage: 1,
  /** netctld was not reached, or did not answer. */
  request: 2,
  /** netctld answered, and refused. */
  server: 3,
  /** The output could not be written. */
  io: 4,
  /** `netctl doctor` found something wrong. */
  unwell: 5,
} as const;
export type FailureKind = Exclude<keyof typeof exitCodes, 'ok'>;

/** Why a command ends without success. The message is one sentence for a person; empty: there is nothing to say. */
export class Failure extends Error {
  override readonly name = 'Failure';
  constructor(
    readonly kind: FailureKind,
    message: string,
    /** The command whose help tells more, for example `netctl network create`. */
    readonly helpOf?: string,
  ) {
    super(message);
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

export const usageError = (message: string, helpOf = 'netctl'): Failure => new Failure('usage', message, helpOf);
