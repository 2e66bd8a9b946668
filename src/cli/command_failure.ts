/** How the process ends: as the shells have it, 1 for a failure and 2 for a wrong call. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command that cannot do its work, with the reason in a sentence for the operator. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";

  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.failure,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The command was called in a way it does not take. */
export const misused = (message: string): CommandFailure => new CommandFailure(message, EXIT.usage);
