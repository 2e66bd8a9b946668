import { setInterval as every } from "node:timers/promises";
import Fastify, { type FastifyInstance } from "fastify";
// In a project of your own: "curfew/validator" and "curfew/validator/fastify".
import type { Validator } from "../../src/validator/index.js";
import {
  curfew,
  getCurrentActiveUser,
  getCurrentUser,
  requireRole,
  requireUser,
  sendProblem,
} from "../../src/validator/integrations/fastify.js";

/** The guide's two endpoints, and one for each other thing a backend wants of a session. */
export const createApp = async (validator: Validator): Promise<FastifyInstance> => {
  const app = Fastify();
  await app.register(curfew, { validator });
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, error));

  app.get("/api/v1/protected", { onRequest: requireUser }, (request) => ({
    message: `Hello ${getCurrentUser(request).username}!`,
  }));

  const data = new Map<string, unknown>();

  app.get("/api/v1/data", { onRequest: requireUser }, (request) => ({
    data: data.get(getCurrentUser(request).userId) ?? "some data",
  }));

  // The use is counted: it keeps the session from becoming idle.
  app.post("/api/v1/data", { onRequest: requireUser }, (request) => {
    const { userId, username } = getCurrentUser(request);
    data.set(userId, request.body);
    return { data: request.body, updated_by: username };
  });

  // An irreversible operation asks Curfew itself.
  app.delete("/api/v1/data", { onRequest: requireUser }, async (request) => {
    const { userId } = await getCurrentActiveUser(request);
    return { deleted: data.delete(userId) };
  });

  app.get("/api/v1/admin/data", { onRequest: requireRole("admin") }, () => ({
    users: [...data.keys()],
  }));

  // Ends by itself when the session does.
  app.get("/api/v1/events", { onRequest: requireUser }, async (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    try {
      for await (const _ of every(1000, undefined, { signal: gone.signal }))
        reply.raw.write(`data: ${new Date().toISOString()}\n\n`);
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    }
  });

  app.get("/healthz", (_request, reply) => {
    const { feed, hasKeys } = validator.state;
    return reply.code(feed === "live" && hasKeys ? 200 : 503).send({ feed, hasKeys });
  });
  return app;
};
