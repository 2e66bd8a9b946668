/**
 * The header, and over gRPC the metadata, by which a client marks a request that no user caused, such as one of a
 * polling page. `curfew/client` sends it for requests that are made with `background: true`.
 */
export const SKIP_ACTIVITY_HEADER = "x-skip-activity";

/** The part of an HTTP request that holds headers: node:http's request, and those built on it. */
export interface RequestWithHeaders {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Whether a request has the header `X-Skip-Activity: true`: for the option `isBackground`. */
export const skipsActivity = ({ headers }: RequestWithHeaders): boolean =>
  headers[SKIP_ACTIVITY_HEADER] === "true";
