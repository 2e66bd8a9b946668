import { match } from "@formatjs/intl-localematcher";
import { LRUCache } from "lru-cache";
import Negotiator from "negotiator";
import { DEFAULT_LANGUAGE, LANGUAGES, type Language } from "./messages/catalogue.js";

/** Picks the language to answer in from what a caller wishes. */
export type PickLanguage = (
  /** A language tag, as in the `language` field of requests. Comes first; may be empty. */
  tag: string,
  /** The value of `accept-language` (RFC 9110, section 12.5.4); may be empty. */
  accepted: string,
) => Language;

/** More tags than this are no wishes of a person. */
const MOST_TAGS = 8;
const LONGEST_WISH = 256;
const NONE_SPOKEN = "none";

const canonical = (tag: string): string[] => {
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"));
  } catch {
    return [];
  }
};

const firstSpoken = (wish: string): Language | typeof NONE_SPOKEN => {
  const wished = new Negotiator({ headers: { "accept-language": wish } }).languages();
  const tags = wished.slice(0, MOST_TAGS).flatMap(canonical);
  const best = match(tags, LANGUAGES, NONE_SPOKEN, { algorithm: "lookup" });
  return LANGUAGES.find((language) => language === best) ?? NONE_SPOKEN;
};

/**
 * Makes a PickLanguage that remembers its answers, since callers repeat their
 * headers. `pt-BR` gets `pt` (RFC 4647, section 3.4); wishes that nobody can
 * read, or for languages that we do not speak, get the default.
 */
export const languagePicker = (remembered = 512): PickLanguage => {
  const answers = new LRUCache<string, Language | typeof NONE_SPOKEN>({ max: remembered });
  const spoken = (wish: string): Language | typeof NONE_SPOKEN => {
    if (wish === "" || wish.length > LONGEST_WISH) return NONE_SPOKEN;
    const known = answers.get(wish);
    if (known !== undefined) return known;
    const answer = firstSpoken(wish);
    answers.set(wish, answer);
    return answer;
  };
  return (tag, accepted) => {
    const asked = spoken(tag);
    if (asked !== NONE_SPOKEN) return asked;
    const accepts = spoken(accepted);
    return accepts === NONE_SPOKEN ? DEFAULT_LANGUAGE : accepts;
  };
};
