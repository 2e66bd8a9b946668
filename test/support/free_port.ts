import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

// Below every system's ephemeral range: a server that is stopped and started again would else find its
// port taken by an outgoing connection, even by a client's attempt to reach that very port.
const LOWEST_PORT = 10_240;
const HIGHEST_PORT = 32_767;

/** A port of 127.0.0.1 where nothing listens now. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
