import { type DestinationStream, type Logger, pino } from "pino";
import { PinoPretty } from "pino-pretty";
import { redactLine } from "./redaction.js";

export type { Logger } from "pino";

export interface LoggerOptions {
  /** The least severe lines to log: a level of pino, or `silent`. */
  readonly level: string;
  /** Colourful text for people instead of JSON lines. */
  readonly people: boolean;
  /** Where lines go. Absent: standard output. */
  readonly destination?: DestinationStream;
}

/**
 * Formats a line for people. pino-pretty gives `caller` a meaning of its own (a place in the code, in angle brackets),
 * and fractions of a millisecond are cut off.
 */
const readable = (line: string): string => {
  const entries = Object.entries(JSON.parse(line)).map(([name, value]) => [
    name === "caller" ? "by" : name,
    typeof value === "number" && !Number.isInteger(value) ? Math.round(value * 1000) / 1000 : value,
  ]);
  return JSON.stringify(Object.fromEntries(entries));
};

/** Turns each line into text before it is written, at once: nothing is lost when the process ends. */
const forPeople = (destination: DestinationStream): DestinationStream => {
  const format = PinoPretty.prettyFactory({
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
    singleLine: true,
  });
  return { write: (line) => destination.write(format(readable(line)) ?? line) };
};

/**
 * A logger that writes one JSON object a line whatever it is given, without
 * secrets (see `redactLine`). `child` makes one that says more on each line.
 */
export const createLogger = ({
  level,
  people,
  destination = pino.destination(1),
}: LoggerOptions): Logger =>
  pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactLine },
    },
    people ? forPeople(destination) : destination,
  );
