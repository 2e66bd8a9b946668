import { match } from "@formatjs/intl-localematcher";
import { LRUCache } from "lru-cache";
import Negotiator from "negotiator";
import { DEFAULT_LANGUAGE, LANGUAGES, type Language } from "./messages/catalogue.js";

/** Picks the language of the answer by the caller's preferences. */
export type PickLanguage = (
  /** A language tag, as in the `language` field of requests. Comes first; may be empty. */
  tag: string,
  /** The value of `accept-language` (RFC 9110, section 12.5.4); may be empty. */
  accepted: string,
) => Language;

/** More tags than this are no preferences of a person. */
const MAX_TAGS = 8;
const LONGEST_PREFERENCE = 256;
const NONE_SPOKEN = "none";

const canonical = (tag: string): string[] => {
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"));
  } catch {
    return [];
  }
};

const firstSpoken = (preference: string): Language | typeof NONE_SPOKEN => {
  const preferred = new Negotiator({ headers: { "accept-language": preference } }).languages();
  const tags = preferred.slice(0, MAX_TAGS).flatMap(canonical);
  const best = match(tags, LANGUAGES, NONE_SPOKEN, { algorithm: "lookup" });
  return LANGUAGES.find((language) => language === best) ?? NONE_SPOKEN;
};

/**
 * Creates a PickLanguage that caches its results, since callers repeat their headers. `pt-BR` gets `pt` (RFC 4647,
 * section 3.4); invalid preferences, and those for unsupported languages, get the default.
 */
export const languagePicker = (remembered = 512): PickLanguage => {
  const answers = new LRUCache<string, Language | typeof NONE_SPOKEN>({ max: remembered });
  const spoken = (preference: string): Language | typeof NONE_SPOKEN => {
    if (preference === "" || preference.length > LONGEST_PREFERENCE) return NONE_SPOKEN;
    const known = answers.get(preference);
    if (known !== undefined) return known;
    const answer = firstSpoken(preference);
    answers.set(preference, answer);
    return answer;
  };
  return (tag, accepted) => {
    const asked = spoken(tag);
    if (asked !== NONE_SPOKEN) return asked;
    const accepts = spoken(accepted);
    return accepts === NONE_SPOKEN ? DEFAULT_LANGUAGE : accepts;
  };
};
