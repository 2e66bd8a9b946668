import { Redis } from "ioredis";

/** Runs one command on the server of `url` over a connection of its own. */
export async function redisCommand(url: string, name: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // Errors are ignored here: the failed command reports the same error to the caller.
  client.on("error", () => {});
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}
