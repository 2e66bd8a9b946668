import { chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SystemUser } from "./system_user.js";
import { removeAtExit } from "./watchdog.js";

/** Makes an empty folder that only its owner may enter; it is removed when this process ends. */
export function makePrivateFolder(purpose: string, owner?: SystemUser): string {
  const folder = mkdtempSync(join(tmpdir(), `curfew-${purpose}-`));
  removeAtExit(folder);
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}
