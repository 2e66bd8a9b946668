import type { IncomingHttpHeaders } from "node:http2";

const NAME = "authorization";

/**
 * Puts back the second and further `authorization` headers of a call, which
 * Node drops in silence: two of them are two opinions who is calling, and some
 * proxy in front may have gone by the other one (D4).
 *
 * @param rawHeaders names and values in turn, as they were sent
 */
export const revealDuplicates = (
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): void => {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index] === NAME) count += 1;
  }
  if (count < 2) return;
  const values = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1] === NAME);
  // grpc-js takes a list for several values of a metadata key.
  Object.assign(headers, { [NAME]: values });
};
