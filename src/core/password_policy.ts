import { COMMON_PASSWORDS } from "./common_passwords.js";
import { type FieldViolation, fail } from "./errors.js";

/**
 * NIST SP 800-63B-4, 3.1.1.2: length, a block list, no rules of composition;
 * characters are Unicode code points. Throws INVALID_ARGUMENT that says what to do.
 */
export const checkNewPassword = (
  field: string,
  password: string,
  username: string,
  minLength: number,
): void => {
  const violation = (description: string): FieldViolation => ({ field, description });
  const normal = password.normalize("NFKC");
  const violations: FieldViolation[] = [];
  if ([...normal].length < minLength)
    violations.push(violation(`must have at least ${minLength} characters`));
  const folded = normal.toLowerCase();
  const name = username.toLowerCase();
  if (COMMON_PASSWORDS.has(folded) || isRepetition(folded))
    violations.push(violation("is too common: choose another, such as several unrelated words"));
  else if (name.length >= 4 && folded.replaceAll(name, "").length < minLength / 2)
    violations.push(violation("must be more than the username with something added"));
  if (violations.length > 0) throw fail("INVALID_ARGUMENT", { violations });
};

/** "aaaaaaaaaaaaaaaa", "passwordpassword", "123123123123123". */
const isRepetition = (text: string): boolean => {
  const period = (text + text).indexOf(text, 1);
  if (period >= text.length) return false;
  const unit = text.slice(0, period);
  return period <= 3 || COMMON_PASSWORDS.has(unit);
};
