/** The first administrator of a new database, whose password the start has made up. */
export interface FirstUser {
  readonly username: string;
  readonly password: string;
  /** A command line that signs in; undefined: the service did not come up. */
  readonly signIn: string | undefined;
}

/** For people. */
export const firstUserText = ({ username, password, signIn }: FirstUser): string =>
  `
  The first user is "${username}", with the password ${password}
  It is not shown again.
${signIn === undefined ? "" : `  Sign in with:\n\n    ${signIn}\n\n`}`;

/** For programs: a line like those of the log, which would hide the password. */
export const firstUserLine = ({ username, password, signIn }: FirstUser, now: number): string =>
  `${JSON.stringify({
    level: "info",
    time: new Date(now).toISOString(),
    username,
    password,
    sign_in: signIn,
    msg: "the first user was made; the password is not shown again",
  })}\n`;
