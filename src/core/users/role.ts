/** The spelling of role names, for error messages. */
export const ROLE_SPELLING =
  "must start with a letter or digit and hold only letters, digits and _ . : / -";

/** Whether a text can be the name of a role. */
export const isRole = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/.test(text);
