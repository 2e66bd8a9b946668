import { once } from "node:events";
import { createServer } from "node:http";
import { Redis } from "ioredis";
import Provider from "oidc-provider";

/**
 * The baseline of introspection: `oidc-provider` with its state in Redis, as its own example
 * of an adapter keeps it, and one client that may introspect. Prints its port.
 */
const [redisUrl = ""] = process.argv.slice(2);
const redis = new Redis(redisUrl, { keyPrefix: "oidc:" });

/** Each model under one key, as JSON, for as long as it lives. */
const redisAdapter = (model) => {
  const keyOf = (id) => `${model}:${id}`;
  const unused = async () => undefined;
  return {
    async upsert(id, payload, expiresIn) {
      await redis.set(keyOf(id), JSON.stringify(payload), "EX", expiresIn || 3600);
    },
    async find(id) {
      const text = await redis.get(keyOf(id));
      return text === null ? undefined : JSON.parse(text);
    },
    async destroy(id) {
      await redis.del(keyOf(id));
    },
    consume: unused,
    findByUid: unused,
    findByUserCode: unused,
    revokeByGrantId: unused,
  };
};

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: redisAdapter,
  clients: [
    {
      client_id: "bench",
      client_secret: "bench secret of the introspecting client",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
  },
});
server.on("request", provider.callback());
process.stdout.write(`port ${port}\n`);
