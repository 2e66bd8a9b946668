import { InvalidArgumentError } from "commander";

/** A whole number from 1. */
export const count = (text: string): number => {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= 1) return value;
  throw new InvalidArgumentError("It must be a whole number from 1.");
};

/** Seconds, decimals allowed; the value is in milliseconds. */
export const seconds = (text: string): number => {
  const value = Number(text) * 1_000;
  if (/^\d{1,6}(\.\d{1,30})?$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number of seconds, more than 0.");
};

const AGES = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A moment: `2026-05-01`, `2026-05-01T10:00:00Z`, or an age such as `90s`, `30m`, `12h`, `7d`. */
export const moment = (text: string): ((now: number) => Date) => {
  const age = /^(\d{1,6})([smhd])$/.exec(text);
  if (age !== null) {
    const milliseconds = Number(age[1]) * AGES[age[2] as keyof typeof AGES];
    return (now) => new Date(now - milliseconds);
  }
  const date = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) && !Number.isNaN(+date)) {
    return () => date;
  }
  throw new InvalidArgumentError(
    "It must be a date (2026-05-01), a time with its zone (2026-05-01T10:00:00Z), or an age (90s, 30m, 12h, 7d).",
  );
};

/** Collects an option that may be given several times. */
export const collect = (item: string, items: readonly string[] = []): readonly string[] => [
  ...items,
  item,
];
