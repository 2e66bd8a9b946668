import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The folders of PATH, in order. */
export function searchPath(): string[] {
  return (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Full path of the first of `names` found in `folders`, or undefined. */
export function findExecutable(
  names: readonly string[],
  folders: readonly string[] = searchPath(),
): string | undefined {
  for (const name of names) {
    const folder = folders.find((candidate) => isExecutable(join(candidate, name)));
    if (folder !== undefined) return join(folder, name);
  }
  return undefined;
}
