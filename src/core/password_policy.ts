import { type FieldViolation, fail } from "./errors.js";

/** What a new password must be. */
export interface PasswordPolicy {
  /** In Unicode code points, after NFKC. */
  readonly minLength: number;
  /** Whether everybody tries this one first; asked in small letters. */
  readonly isCommon: (password: string) => boolean;
}

/**
 * NIST SP 800-63B-4, 3.1.1.2: length, a block list, no rules of composition;
 * characters are Unicode code points. Throws INVALID_ARGUMENT that says what to do.
 */
export const checkNewPassword = (
  field: string,
  password: string,
  username: string,
  { minLength, isCommon }: PasswordPolicy,
): void => {
  const violation = (description: string): FieldViolation => ({ field, description });
  const normal = password.normalize("NFKC");
  const violations: FieldViolation[] = [];
  if ([...normal].length < minLength)
    violations.push(violation(`must have at least ${minLength} characters`));
  const folded = normal.toLowerCase();
  const name = username.toLowerCase();
  if (isCommon(folded) || isRepetition(folded, isCommon))
    violations.push(violation("is too common: choose another, such as several unrelated words"));
  else if (name.length >= 4 && folded.replaceAll(name, "").length < minLength / 2)
    violations.push(violation("must be more than the username with something added"));
  if (violations.length > 0) throw fail("INVALID_ARGUMENT", { violations });
};

/** "aaaaaaaaaaaaaaaa", "passwordpassword", "123123123123123". */
const isRepetition = (text: string, isCommon: PasswordPolicy["isCommon"]): boolean => {
  const period = (text + text).indexOf(text, 1);
  if (period >= text.length) return false;
  const unit = text.slice(0, period);
  return period <= 3 || isCommon(unit);
};
