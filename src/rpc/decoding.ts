import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { CurfewError } from "../core/errors.js";
import { beyondBound, malformed } from "./budgets/refusal.js";
import type { MethodRule } from "./rules.js";
import { MALFORMED_REQUEST } from "./validation/check.js";

/** Takes the place of a request that cannot or may not be decoded, since grpc-js would answer INTERNAL. */
export class Undecodable {
  constructor(readonly failure: CurfewError = malformed(MALFORMED_REQUEST)) {}
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decodeUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes);

/**
 * A generated decoder with additional refusals: text that is not UTF-8, bytes after the end of the message, and before
 * any decoding more fields or list elements than the method accepts.
 */
export const strictly =
  <T>(decode: (bytes: Buffer) => T, countFields: MethodRule["countFields"]) =>
  (bytes: Buffer): T | Undecodable => {
    const excess = countFields?.(bytes);
    if (excess === MALFORMED_REQUEST) return new Undecodable();
    if (excess !== undefined)
      return new Undecodable(beyondBound("request_fields", excess.field, excess.description));
    try {
      const reader = new BinaryReader(bytes, decodeUtf8);
      // Decoders that ts-proto generates take a reader in place of the bytes.
      const message: T = Reflect.apply(decode, undefined, [reader]);
      return reader.pos === reader.len ? message : new Undecodable();
    } catch {
      return new Undecodable();
    }
  };
