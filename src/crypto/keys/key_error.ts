/** A key is wrong or unusable. The message names the key and the solution for an operator. It holds no secret. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}
