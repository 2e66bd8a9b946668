import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NODE_FLAGS } from "../../test/support/node_flags.js";
import { makePrivateFolder } from "../../test/support/private_folder.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSX = new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;

/** What Node is given to run one version of `curfew`. */
export interface Program {
  readonly version: string;
  readonly args: readonly string[];
}

/** This version, as it is in `src`. */
export const sourceProgram = (): Program => ({
  version: "this",
  args: [...NODE_FLAGS, "--import", TSX, join(ROOT, "src/cli/main.ts")],
});

/** This version, as the last build left it: it starts sooner. */
export const builtProgram = (): Program => built("this", ROOT);

const built = (version: string, root: string): Program => ({
  version,
  args: [...NODE_FLAGS, join(root, "dist/src/cli/main.js")],
});

/** The version of a commit of this repository, built with today's packages. */
export const olderProgram = (commit: string): Program => {
  const folder = makePrivateFolder("older");
  const archive = join(folder, "older.tar");
  const root = join(folder, "tree");
  mkdirSync(root);
  execFileSync("git", ["archive", "--output", archive, commit], { cwd: ROOT, stdio: "pipe" });
  execFileSync("tar", ["-xf", archive, "-C", root], { stdio: "pipe" });
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "pipe" });
  return built(commit, root);
};
