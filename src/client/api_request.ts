import type { Credentials } from "./credentials.js";
import { NetworkError } from "./network_error.js";
import type { RequestTargets } from "./request_target.js";
import type { Proof } from "./stored_session.js";

/** What `apiRequest` takes besides what `fetch` takes. */
export interface ApiRequestInit extends RequestInit {
  /** The page's own doing, such as polling: does not count as the user being there. */
  readonly background?: boolean;
}

/** A request that can be sent once or, if its body allows, again. */
export interface ApiRequest {
  readonly signal: AbortSignal | null;
  /** False when the body is a stream: once sent it is gone. */
  readonly isRepeatable: boolean;
  /** Throws NetworkError when there is no answer, and the abort's reason when aborted. */
  send(proof: Proof): Promise<Response>;
}

/** What requests need. */
export interface ApiRequestDeps {
  readonly targets: RequestTargets;
  readonly credentials: Credentials;
  readonly fetch: typeof fetch;
}

const isStored = (body: BodyInit | null | undefined): boolean =>
  body == null ||
  typeof body === "string" ||
  body instanceof URLSearchParams ||
  body instanceof Blob ||
  body instanceof FormData ||
  body instanceof ArrayBuffer ||
  ArrayBuffer.isView(body);

/** Makes a request. Throws SessionError `origin_not_allowed` for a stranger's URL. */
export function createApiRequest(
  deps: ApiRequestDeps,
  input: string | URL | Request,
  { background: _, ...init }: ApiRequestInit,
): ApiRequest {
  const { targets, credentials } = deps;
  const given = typeof input === "string" || input instanceof URL ? null : input;
  const url = targets.resolve(given ? given.url : (input as string | URL));
  const method = init.method ?? given?.method ?? "GET";
  const signal = init.signal ?? given?.signal ?? null;

  return {
    signal,
    isRepeatable: isStored(init.body),
    async send(proof) {
      const headers = new Headers(init.headers ?? given?.headers);
      credentials.apply(headers, method, proof);
      const cookies = credentials.cookies();
      try {
        // A Request's body can be read once: each attempt takes a copy.
        return await deps.fetch(given?.clone() ?? url, {
          ...init,
          headers,
          ...(cookies && { credentials: cookies }),
        });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new NetworkError(`No answer from ${url}`, { cause: error });
      }
    },
  };
}
