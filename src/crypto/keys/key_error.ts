/** Something is wrong with a key, and the message tells an operator which and what to do. Holds no secret. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}
