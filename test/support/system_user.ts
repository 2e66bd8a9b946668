import { execFileSync } from "node:child_process";

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The first user of `names` that this machine knows. */
export function findSystemUser(names: readonly string[]): SystemUser | undefined {
  for (const name of names) {
    try {
      return { uid: askId("-u", name), gid: askId("-g", name) };
    } catch {
      // `id` fails for an unknown user: try the next.
    }
  }
  return undefined;
}

function askId(option: "-u" | "-g", name: string): number {
  return Number(execFileSync("id", [option, name], { encoding: "utf8", stdio: "pipe" }).trim());
}
