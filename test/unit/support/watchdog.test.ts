import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { waitUntil } from "../../support/wait_until.js";

const OWNER = fileURLToPath(new URL("abandoned_servers.ts", import.meta.url));

test("servers and their folders go when their owner is killed", { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "curfew-watchdog-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  // Postgres, which runs as another user than root, must get through.
  await chmod(folder, 0o711);
  const owner = spawn(process.execPath, ["--import", "tsx", OWNER], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: folder },
  });
  const [line] = await once(owner.stdout, "data");
  const ports: number[] = JSON.parse(String(line));
  expect(await Promise.all(ports.map(isListening))).toEqual([true, true]);

  owner.kill("SIGKILL");

  await waitUntil("the servers are gone", async () => {
    const listening = await Promise.all(ports.map(isListening));
    return !listening.includes(true);
  });
  await waitUntil("the folders are gone", async () => {
    const names = await readdir(folder);
    return !names.some((name) => name.startsWith("curfew-"));
  });
});

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
