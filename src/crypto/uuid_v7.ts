import { randomFillSync } from "node:crypto";
import type { IdSource } from "../core/ports/id_source.js";

/** Ids in the order of their milliseconds, with 74 random bits (RFC 9562, section 5.7). */
export const uuidV7Source = (): IdSource => ({
  next(now) {
    const bytes = randomFillSync(Buffer.alloc(16));
    bytes.writeUIntBE(now, 0, 6);
    bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
    bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
    const hex = bytes.toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
});
