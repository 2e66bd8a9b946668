import type { IncomingHttpHeaders } from "node:http2";
import { Metadata } from "@grpc/grpc-js";

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const MS_OF_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds of `grpc-timeout`; Infinity: there is none; undefined: it is not as the protocol has it. */
export const timeoutOf = (headers: IncomingHttpHeaders): number | undefined => {
  const header = headers["grpc-timeout"];
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = TIMEOUT.exec(String(header)) ?? [];
  const unitMs = MS_OF_UNIT[unit];
  return unitMs === undefined ? undefined : Number(count) * unitMs;
};

/** Headers that are no metadata. */
const OF_THE_PROTOCOL: ReadonlySet<string> = new Set([
  "accept-encoding",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-timeout",
  "te",
]);

const AUTHORIZATION = "authorization";

/** All values of a header. @param rawHeaders names and values in turn, as they were sent */
const valuesOf = (name: string, rawHeaders: readonly string[]): string[] =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1] === name);

const isRepeated = (name: string, rawHeaders: readonly string[]): boolean => {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index] === name) count += 1;
  return count > 1;
};

/**
 * The metadata of a call. Node keeps only the first of several `authorization`
 * headers; here all of them are in the metadata, because some proxy in front may
 * have gone by another one (D4).
 */
export const metadataOf = (
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): Metadata => {
  const own: Record<string, string | string[] | undefined> = {};
  for (const name of Object.keys(headers))
    if (!name.startsWith(":") && !OF_THE_PROTOCOL.has(name)) own[name] = headers[name];
  if (isRepeated(AUTHORIZATION, rawHeaders))
    own[AUTHORIZATION] = valuesOf(AUTHORIZATION, rawHeaders);
  // Node's types allow one `authorization` only; grpc-js takes a list for any key.
  return Metadata.fromHttp2Headers(own as IncomingHttpHeaders);
};
