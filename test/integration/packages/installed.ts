import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Names of the packages in a project's node_modules, as npm has noted them there. */
export const installedPackages = (project: string): string[] => {
  const lock = JSON.parse(
    readFileSync(join(project, "node_modules/.package-lock.json"), "utf8"),
  ) as { packages: Record<string, unknown> };
  return Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ""));
};

/** Bytes of all files in a project's node_modules. */
export const installedSize = (project: string): number => {
  const folder = join(project, "node_modules");
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
};
