import { ar } from "./ar.js";
import { de } from "./de.js";
import { en } from "./en.js";
import { es } from "./es.js";
import { fa } from "./fa.js";
import { fr } from "./fr.js";
import { hi } from "./hi.js";
import { it } from "./it.js";
import { ja } from "./ja.js";
import { pt } from "./pt.js";
import { ru } from "./ru.js";
import type { TextKey, Texts } from "./texts.js";
import { tr } from "./tr.js";
import { zh } from "./zh.js";

/** Every language, by its BCP 47 tag. */
const CATALOGUE = {
  en,
  es,
  fr,
  de,
  ar,
  fa,
  zh,
  pt,
  ja,
  it,
  tr,
  ru,
  hi,
} as const satisfies Record<string, Texts>;

export type Language = keyof typeof CATALOGUE;

/** The language of those whose languages we do not speak, and of gRPC status messages. */
export const DEFAULT_LANGUAGE: Language = "en";

export const LANGUAGES = Object.keys(CATALOGUE) as readonly Language[];

/** A text in a language. */
export const textOf = (language: Language, key: TextKey): string => CATALOGUE[language][key];
