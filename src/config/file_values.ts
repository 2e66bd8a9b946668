import { accessSync, constants, statSync } from "node:fs";
import { reads } from "./value_schemas.js";

const isReadable = (path: string, kind: "isFile" | "isDirectory"): boolean => {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path)[kind]();
  } catch {
    return false;
  }
};

/** Path of a PEM file that is there; its content is read later, and again when it changes. */
export const readableFile = () =>
  reads("the path of a file that this process can read", (text) =>
    isReadable(text, "isFile") ? text : undefined,
  );

/** Path of a folder that is there. */
export const readableFolder = () =>
  reads("the path of a folder that this process can read", (text) =>
    isReadable(text, "isDirectory") ? text : undefined,
  );

const KEY_BYTES = 32;
const HEX = /^[0-9a-fA-F]{64}$/;
const BASE64 = /^([A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?)$/;

/** Decodes 32 bytes of base64, base64url or hex, and nothing that spells them otherwise. */
const decodeKey = (text: string): Uint8Array | undefined => {
  if (HEX.test(text)) return new Uint8Array(Buffer.from(text, "hex"));
  if (!BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const canonical = text.replace("=", "").replaceAll("+", "-").replaceAll("/", "_");
  const same = bytes.length === KEY_BYTES && bytes.toString("base64url") === canonical;
  return same ? new Uint8Array(bytes) : undefined;
};

/** A 256-bit key; the value is its 32 bytes. */
export const encryptionKey = () =>
  reads("32 random bytes in base64 or hex (make one with `openssl rand -base64 32`)", decodeKey);
