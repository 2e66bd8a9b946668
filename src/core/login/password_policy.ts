import { type FieldViolation, fail } from "../errors.js";
import { foldUsername } from "../users/user.js";

/** The requirements for a new password. */
export interface PasswordPolicy {
  /** In Unicode code points, after NFKC. */
  readonly minLength: number;
  /** Whether everybody tries this one first; asked in small letters. */
  readonly isCommon: (password: string) => boolean;
  /** What belongs to this service and is guessed first: see `contextWords`. */
  readonly contextWords: readonly string[];
}

/** Shorter words are in many a good password. In characters. */
const LEAST_WORD = 4;

/** The words of a name, an address or a URL that are worth looking for, in small letters. */
const wordsOf = (text: string): string[] =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => [...word].length >= LEAST_WORD);

/** The words of a service's names, those of its operator's choice among them. */
export const contextWords = (...names: readonly string[]): readonly string[] => [
  ...new Set(names.flatMap((name) => wordsOf(name.replace(/^https?:/i, "")))),
];

/**
 * NIST SP 800-63B-4, 3.1.1.2: length, a block list, no rules of composition;
 * characters are Unicode code points. Throws INVALID_ARGUMENT that says what to do.
 */
export const checkNewPassword = (
  field: string,
  password: string,
  username: string,
  { minLength, isCommon, contextWords }: PasswordPolicy,
): void => {
  const violation = (description: string): FieldViolation => ({ field, description });
  const normal = password.normalize("NFKC");
  const violations: FieldViolation[] = [];
  if ([...normal].length < minLength)
    violations.push(violation(`must have at least ${minLength} characters`));
  const folded = normal.toLowerCase();
  const name = foldUsername(username);
  const names = [...(name.length >= LEAST_WORD ? [name] : []), ...wordsOf(username)];
  const isLittleMoreThan = (words: readonly string[]): boolean => {
    const rest = without(folded, words);
    return rest !== folded && rest.length < minLength / 2;
  };
  if (isCommon(folded) || isRepetition(folded, isCommon))
    violations.push(violation("is too common: choose another, such as several unrelated words"));
  else if (isLittleMoreThan(names))
    violations.push(violation("must be more than the username with something added"));
  else if (isLittleMoreThan([...names, ...contextWords]))
    violations.push(violation("must be more than names of this service with something added"));
  if (violations.length > 0) throw fail("INVALID_ARGUMENT", { violations });
};

/** Returns the text without the words; the longest words are removed first. */
const without = (text: string, words: readonly string[]): string =>
  [...words]
    .sort((a, b) => b.length - a.length)
    .reduce((rest, word) => rest.replaceAll(word, ""), text);

/** "aaaaaaaaaaaaaaaa", "passwordpassword", "123123123123123". */
const isRepetition = (text: string, isCommon: PasswordPolicy["isCommon"]): boolean => {
  const period = (text + text).indexOf(text, 1);
  if (period >= text.length) return false;
  const unit = text.slice(0, period);
  return period <= 3 || isCommon(unit);
};
