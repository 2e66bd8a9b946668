import { stripped } from "../core/caller/header_text.js";
import { reads } from "./value_schemas.js";

const isHttpUrl = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text);

/** Where OTLP over HTTP is received; the signal's path is added to it. */
export const otlpEndpoint = () =>
  reads("a URL such as `http://localhost:4318`", (text) => (isHttpUrl(text) ? text : undefined));

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(stripped(text));
  } catch {
    return undefined;
  }
};

/** `name=value` pairs as in a Baggage header (OpenTelemetry, OTLP exporter). */
export const otlpHeaders = () =>
  reads("`name=value` pairs, separated by commas", (text): Record<string, string> | undefined => {
    const headers: Record<string, string> = {};
    for (const pair of text.split(",").filter((item) => stripped(item) !== "")) {
      const [, name = "", encoded = ""] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=(.*)$/.exec(pair) ?? [];
      const value = decoded(encoded);
      if (name === "" || value === undefined || !/^[ -~]*$/.test(value)) return undefined;
      headers[name] = value;
    }
    return headers;
  });
