import { type Browser, chromium } from "playwright-core";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable } from "./executable.js";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

// Without these Chromium looks up its maker's hosts at every start, which a closed network refuses.
const QUIET_FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts headless Chromium with a new, empty profile. Close it in afterAll. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    // Chromium's sandbox does not work for root nor in most containers, and the pages are our own.
    chromiumSandbox: false,
    args: QUIET_FLAGS,
  });
}

function findChromium(): string {
  return findOrInstall(
    "Chromium",
    () => process.env.CHROMIUM_PATH || findExecutable(PROGRAMS),
    ["chromium"],
    "set CHROMIUM_PATH, or install it (Debian: apt-get install chromium).",
  );
}
