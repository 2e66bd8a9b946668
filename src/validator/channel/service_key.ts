/** The letters of a bearer token (RFC 6750, section 2.1). */
const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * A service key without the end of line that a file leaves after it.
 *
 * @throws TypeError that repeats nothing of the key (grpc-js's own would) when it cannot be one
 */
export const cleanServiceKey = (given: string): string => {
  const key = given.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  if (key !== "" && !TOKEN68.test(key))
    throw new TypeError(
      "serviceKey is no service key: it has a line break, a space or a letter that no key has.",
    );
  return key;
};
