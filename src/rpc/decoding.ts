import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type CurfewError, invalidField } from "../core/errors.js";

/** Takes the place of a request that could not be read, since grpc-js would answer INTERNAL. */
export class Undecodable {
  readonly failure: CurfewError = invalidField(
    "request",
    "must be a message of the method's type in protobuf encoding, with text in UTF-8",
  );
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decodeUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes);

/**
 * A generated decoder that refuses what the generated code lets pass: text that
 * is not UTF-8, and bytes after the end of the message.
 */
export const strictly =
  <T>(decode: (bytes: Buffer) => T) =>
  (bytes: Buffer): T | Undecodable => {
    try {
      const reader = new BinaryReader(bytes, decodeUtf8);
      // Decoders that ts-proto generates take a reader in place of the bytes.
      const message: T = Reflect.apply(decode, undefined, [reader]);
      return reader.pos === reader.len ? message : new Undecodable();
    } catch {
      return new Undecodable();
    }
  };
