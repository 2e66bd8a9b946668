import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { findExecutable } from "./executable.js";

/** Where Debian puts the sources of Go libraries. */
const LIBRARIES = "/usr/share/gocode";

/** Go, if it is there and finds these packages. */
export function findGo(packages: readonly string[]): string | undefined {
  const go = findExecutable(["go"]);
  if (go === undefined) return undefined;
  try {
    execFileSync(go, ["list", ...packages], { env: goEnvironment(tmpdir()), stdio: "ignore" });
    return go;
  } catch {
    return undefined;
  }
}

/**
 * Libraries from Debian alone, and sources under `path`/src: nothing is loaded
 * over the network.
 */
export function goEnvironment(cache: string, path?: string): NodeJS.ProcessEnv {
  const paths = [...(path === undefined ? [] : [path]), LIBRARIES].join(delimiter);
  const env = { GO111MODULE: "off", GOPATH: paths, GOFLAGS: "", GOCACHE: join(cache, "cache") };
  return { ...process.env, ...env };
}
