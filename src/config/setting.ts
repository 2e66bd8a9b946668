import type { z } from "zod";

/** The environment: names and texts. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value that is used when a setting is not given: a text as in the environment, or one for each mode. */
export type Fallback = string | { readonly development: string; readonly production: string };

/**
 * One setting: how it is called, read, defaulted and described. The loader, the
 * documents and `.env.example` are all made from this.
 */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Name of the environment variable. */
  readonly name: string;
  /** Reads the text; its description says what kind of value it takes. */
  readonly schema: Schema;
  /** Absent: the setting may be left out, and `fallbackDoc` says what happens then. */
  readonly fallback?: Fallback;
  readonly fallbackDoc?: string;
  /** The effect of the setting, in Markdown. */
  readonly doc: string;
  /** Its value is never repeated in a message. */
  readonly secret?: boolean;
  /** Spaces around it belong to it. */
  readonly verbatim?: boolean;
}

/** Declares a setting, keeping the type of its value. */
export const setting = <Schema extends z.ZodType>(declaration: Setting<Schema>): Setting<Schema> =>
  declaration;

/** The default as text, or undefined when there is none. */
export const fallbackText = (declared: Setting, production: boolean): string | undefined => {
  const { fallback } = declared;
  if (typeof fallback !== "object") return fallback;
  return production ? fallback.production : fallback.development;
};
