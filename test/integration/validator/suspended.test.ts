import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startServerProcess } from "../../support/server_process.js";
import { waitUntil } from "../../support/wait_until.js";
import { ISSUER, setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();
const MAX_STALENESS = 1000;
const TSX = new URL("../../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;
const BACKEND = fileURLToPath(new URL("suspended_backend.ts", import.meta.url));

test("L7: a backend that was stopped takes nothing for news that waited for it", async () => {
  const { token } = await stage.signIn();
  const backend = await startServerProcess({
    command: process.execPath,
    args: ["--import", TSX, BACKEND, stage.service.target, ISSUER, stage.key, token],
    ready: /known/,
  });
  try {
    backend.pause();
    await stage.logout(token);
    const endedAt = Date.now();
    await waitUntil("it slept through the end", () => Date.now() > endedAt + 3 * MAX_STALENESS);
    backend.resume();
    await waitUntil("it knows", () => backend.output().includes("refused"));
    const [, at] = /last accepted at (\d+)/.exec(backend.output()) ?? [];
    expect(Number(at)).toBeGreaterThan(0);
    expect(Number(at)).toBeLessThanOrEqual(endedAt + MAX_STALENESS);
  } finally {
    await backend.stop("SIGKILL");
  }
}, 60_000);
