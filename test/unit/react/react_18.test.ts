// First: it wants the globals of Node.
import { build, stop } from "esbuild";
import "./page.js";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { SessionManager } from "../../../src/client/index.js";
import { createMemoryStore } from "../../../src/client/key_value_store.js";
import { startSessionService } from "../client/session_service.js";

// The other tests here run on React 19. That npm installs 18 beside it takes the override in package.json;
// which React the one for the DOM uses is decided here, by the alias.
let react: typeof import("./strict_app.js");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "curfew-react-18-"));
  const outfile = join(folder, "strict_app.mjs");
  await build({
    entryPoints: ["test/unit/react/strict_app.tsx"],
    outfile,
    bundle: true,
    format: "esm",
    platform: "browser",
    jsx: "automatic",
    alias: { react: "react-18", "react-dom": "react-dom-18" },
    define: { "process.env.NODE_ENV": '"development"' },
  });
  react = await import(/* @vite-ignore */ pathToFileURL(outfile).href);
}, 60_000);
afterAll(async () => {
  await stop();
  await rm(folder, { recursive: true });
});

test("React 18 hydrates what it rendered on a server, and follows the session in StrictMode", async () => {
  expect(react.version).toMatch(/^18\./);
  const complaint = vi.spyOn(console, "error");
  const onRecoverableError = vi.fn();
  const service = await startSessionService();
  const storage = createMemoryStore();
  const openManager = () => new SessionManager(service.apiBaseUrl, { storage, locks: null });
  const earlier = openManager();
  await earlier.login("ada", "correct horse");
  earlier.close();

  const manager = openManager();
  const page = react.strictApp(manager);
  const container = document.createElement("div");
  document.body.append(container);
  container.innerHTML = react.renderToString(page);
  const text = () => container.querySelector("output")?.textContent;
  const shows = (expected: string) => vi.waitFor(() => expect(text()).toBe(expected), 8000);
  const press = (name: string) =>
    [...container.querySelectorAll("button")]
      .find((button) => button.textContent === name)
      ?.click();

  expect(text()).toBe("loading false - -");
  const root = react.hydrateRoot(container, page, { onRecoverableError });
  await shows("authenticated true ada -");
  expect(service.count("/auth/profile")).toBe(1);
  press("Sign out");
  await shows("unauthenticated false - -");
  press("Sign in wrongly");
  await shows("unauthenticated false - invalid_credentials");
  press("Sign in");
  await shows("authenticated true ada -");

  root.unmount();
  expect(container.textContent).toBe("");
  expect(onRecoverableError).not.toHaveBeenCalled();
  expect(complaint).not.toHaveBeenCalled();
  manager.close();
  container.remove();
  await service.close();
}, 40_000);
