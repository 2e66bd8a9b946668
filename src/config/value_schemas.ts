import { z } from "zod";
import { stripped } from "../core/caller/header_text.js";

/**
 * A schema over the text of one setting. `read` answers the value, or undefined
 * for a text it does not take; then the message is `must be <kind>`.
 */
export const reads = <Value>(kind: string, read: (text: string) => Value | undefined) =>
  z
    .string()
    .transform((text, context): Value => {
      const value = read(text);
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: `must be ${kind}` });
      return z.NEVER;
    })
    .describe(kind);

/** As many decimals as a division writes: 7 seconds are 0.0019444444444444444 hours. */
const DECIMAL = /^\d{1,12}(\.\d{1,30})?$|^\.\d{1,30}$/;

/** A whole number within bounds, both included. */
export const wholeNumber = (least: number, most: number) =>
  reads(`a whole number from ${least} to ${most}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });

/** A part of the whole, from 0 to 1. */
export const ratio = () =>
  reads("a number from 0 to 1", (text) => {
    const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
    return value >= 0 && value <= 1 ? value : undefined;
  });

const UNITS = { seconds: 1_000, minutes: 60_000, hours: 3_600_000 } as const;
export type Unit = keyof typeof UNITS;

/**
 * A length of time in a unit, decimals allowed (`0.05`); the value is in
 * milliseconds. It takes more than 0 (or 0 with `zero`) up to `most`.
 */
export const duration = (unit: Unit, most: number, zero: "zero" | "positive" = "positive") => {
  const kind = `${unit}, ${zero === "zero" ? "from 0" : "more than 0"} and at most ${most} (decimals allowed)`;
  return reads(kind, (text) => {
    const milliseconds = DECIMAL.test(text) ? Math.round(Number(text) * UNITS[unit]) : Number.NaN;
    const least = zero === "zero" ? 0 : 1;
    return milliseconds >= least && milliseconds <= most * UNITS[unit] ? milliseconds : undefined;
  });
};

/** A TCP port; the setting's text says what 0 means. */
export const port = () => wholeNumber(0, 65_535);

const ON = new Set(["true", "1", "on", "yes"]);
const OFF = new Set(["false", "0", "off", "no"]);

/** A switch. */
export const onOff = () =>
  reads("`true` or `false`", (text) => {
    const folded = text.toLowerCase();
    if (ON.has(folded)) return true;
    return OFF.has(folded) ? false : undefined;
  });

/** One of a few words, exactly as written. */
export const oneOf = <const Word extends string>(...words: readonly Word[]) =>
  reads(`one of ${words.map((word) => `\`${word}\``).join(", ")}`, (text) =>
    words.find((word) => word === text),
  );

/** Any text without control characters. */
export const text = (kind: string, pattern = /^\P{Cc}+$/u) =>
  reads(kind, (value) => (pattern.test(value) ? value : undefined));

/** Items separated by commas. */
export const commaList = (kind: string, isItem: (item: string) => boolean) =>
  reads(kind, (value): readonly string[] | undefined => {
    const items = value
      .split(",")
      .map((item) => stripped(item))
      .filter((item) => item !== "");
    return items.every(isItem) ? items : undefined;
  });
