import helmet, { type FastifyHelmetOptions } from "@fastify/helmet";
import Fastify from "fastify";

/**
 * The headers that helmet sets with these options. They are the same for every answer, so they are computed once, at
 * the start.
 */
export const helmetHeaders = async (
  options: FastifyHelmetOptions,
): Promise<Readonly<Record<string, string>>> => {
  const probe = Fastify();
  await probe.register(helmet, options);
  probe.get("/", (_request, reply) => reply.send(reply.getHeaders()));
  const answer = await probe.inject("/");
  await probe.close();
  return answer.json<Record<string, string>>();
};
