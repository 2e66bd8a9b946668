/** Options of every command. */
export interface GlobalOptions {
  readonly json?: boolean;
}
