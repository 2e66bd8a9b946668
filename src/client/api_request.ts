import { limited } from "./cancellation.js";
import type { Credentials } from "./credentials.js";
import { NetworkError } from "./network_error.js";
import type { RequestTargets } from "./request_target.js";
import type { Proof } from "./stored_session.js";

/** What `apiRequest` takes besides what `fetch` takes. */
export interface ApiRequestInit extends RequestInit {
  /**
   * The page's own doing, such as polling: does not count as the user being
   * there, neither here nor, by the header `X-Skip-Activity`, on the server.
   */
  readonly background?: boolean;
  /** Milliseconds until the answer has to begin; null: no limit. Default 60 000. */
  readonly timeoutMs?: number | null;
}

/** A request that can be sent once or, if its body allows, again. */
export interface ApiRequest {
  readonly signal: AbortSignal | null;
  /** False when the body is a stream: once sent it is gone. */
  readonly isRepeatable: boolean;
  readonly isBackground: boolean;
  /** Throws NetworkError when there is no answer, and the abort's reason when aborted. */
  send(proof: Proof): Promise<Response>;
}

/** What requests need. */
export interface ApiRequestDeps {
  readonly targets: RequestTargets;
  readonly credentials: Credentials;
  readonly fetch: typeof fetch;
}

/** Whether a body can be sent again: all but streams, which Node also takes as async iterables. */
const isStored = (body: unknown): boolean =>
  !(Object(body).getReader || Object(body)[Symbol.asyncIterator]);

/** Makes a request. Throws SessionError `origin_not_allowed` for a stranger's URL. */
export function createApiRequest(
  { targets, credentials, fetch }: ApiRequestDeps,
  input: string | URL | Request,
  { background: isBackground = false, timeoutMs = 60_000, ...init }: ApiRequestInit,
): ApiRequest {
  const given = typeof input === "string" || input instanceof URL ? null : input;
  const url = targets.resolve(given ? given.url : (input as string | URL));
  const method = init.method ?? given?.method ?? "GET";
  const signal = init.signal ?? given?.signal ?? null;

  return {
    signal,
    isBackground,
    isRepeatable: isStored(init.body),
    async send(proof) {
      const headers = new Headers(init.headers ?? given?.headers);
      const isOwn = targets.isOwn(url);
      credentials.apply(headers, method, proof, isOwn, isBackground);
      try {
        return await limited(timeoutMs, null, (limit) =>
          // A Request's body can be read once: each attempt takes a copy.
          fetch(given?.clone() ?? url, {
            ...init,
            headers,
            // The caller's own signal goes on to end the body too.
            signal: signal ?? limit,
            ...credentials.cookies(),
          }),
        );
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new NetworkError(`No answer from ${url}`, { cause: error });
      }
    },
  };
}
