import { bad, type Check } from "./check.js";

/** The range of google.protobuf.Timestamp. */
const EARLIEST = Date.parse("0001-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/** Accepts times that google.protobuf.Timestamp can say; ts-proto decodes others too. */
export const timeCheck = (required: boolean): Check => {
  return (value) => {
    if (value === undefined) return required ? bad("must be set") : undefined;
    const time = value instanceof Date ? value.getTime() : Number.NaN;
    return time >= EARLIEST && time <= LATEST
      ? undefined
      : bad("must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z");
  };
};
