import { DEFAULT_ARGON2_COST, makeDummyArgon2 } from "./argon2.js";
import type { WorkKind } from "./check_work.js";

const salt = Buffer.alloc(16).toString("base64").replace(/=+$/, "");
const hash = Buffer.alloc(32).toString("base64").replace(/=+$/, "");

/** A hash of each kind that takes some tens of milliseconds to check: enough to tell the speed. */
export const CHECK_SAMPLES: Readonly<Record<WorkKind, string>> = {
  argon2: makeDummyArgon2({ ...DEFAULT_ARGON2_COST, memoryCost: 65_536, timeCost: 1 }),
  bcrypt: `$2b$08$${".".repeat(53)}`,
  "pbkdf2-sha1": `$pbkdf2$i=30000$${salt}$${hash}`,
  "pbkdf2-sha256": `$pbkdf2-sha256$i=60000$${salt}$${hash}`,
  "pbkdf2-sha512": `$pbkdf2-sha512$i=20000$${salt}$${hash}`,
  scrypt: `$scrypt$ln=13,r=8,p=1$${salt}$${hash}`,
};
