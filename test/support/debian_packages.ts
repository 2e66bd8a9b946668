import { execFileSync } from "node:child_process";
import { findExecutable } from "./executable.js";
import { isRoot } from "./system_user.js";

/** Services that a package starts by itself and that the tests do not want: they start their own. */
const SERVICES: Readonly<Record<string, string>> = {
  postgresql: "postgresql",
  "redis-server": "redis-server",
};

// One installation at a time on this machine: apt fails at once when another holds its lists.
const LOCK_FILE = "/var/lock/curfew-tests-apt.lock";
const INSTALL_SCRIPT = `
install() { apt-get install -y --no-install-recommends "$@"; }
install "$@" || { apt-get update && install "$@"; }
`;

/** A program that the tests cannot do without is not there; the message is one line that says what to do. */
export class MissingProgramError extends Error {}

/**
 * Returns what `find` finds; where it finds nothing and this is root on a Debian system, installs `packages`
 * and looks again.
 *
 * @throws MissingProgramError with the name `what` and the advice `instead`, when neither helps.
 */
export function findOrInstall<Found>(
  what: string,
  find: () => Found | undefined,
  packages: readonly string[],
  instead: string,
): Found {
  const found = find() ?? (installDebianPackages(packages) ? find() : undefined);
  if (found === undefined) throw new MissingProgramError(`The tests need ${what}: ${instead}`);
  return found;
}

/** Installs `packages`; false where that is not possible. */
function installDebianPackages(packages: readonly string[]): boolean {
  if (!isRoot() || findExecutable(["apt-get"]) === undefined) return false;
  const running = packages.filter((name) => isServiceRunning(SERVICES[name]));
  process.stderr.write(`Installing for the tests: ${packages.join(", ")}\n`);
  try {
    execFileSync("flock", [LOCK_FILE, "sh", "-c", INSTALL_SCRIPT, "sh", ...packages], {
      stdio: "pipe",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  } catch {
    return false;
  }
  for (const name of packages) {
    if (!running.includes(name)) stopService(SERVICES[name]);
  }
  return true;
}

function isServiceRunning(service: string | undefined): boolean {
  return service !== undefined && runService(service, "status");
}

function stopService(service: string | undefined): void {
  if (service !== undefined) runService(service, "stop");
}

function runService(service: string, action: "status" | "stop"): boolean {
  try {
    execFileSync("service", [service, action], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
