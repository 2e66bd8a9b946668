import { ChannelCredentials, Client } from "@grpc/grpc-js";
import Fastify from "fastify";

/**
 * The bare baseline of a gateway: a Fastify route without hooks that parses a
 * JSON body, sends its token to a bare grpc-js echo in another process, and
 * answers the JSON that it was started with. Prints its port.
 */
const [target = "", answer = "{}"] = process.argv.slice(2);
const pass = (bytes: Buffer): Buffer => bytes;
const client = new Client(target, ChannelCredentials.createInsecure());
const body: unknown = JSON.parse(answer);

const app = Fastify();
app.post<{ Body: { access_token: string } }>(
  "/echo",
  (request) =>
    new Promise((resolve, reject) => {
      const message = Buffer.from(request.body.access_token);
      client.makeUnaryRequest("/bench.Echo/Echo", pass, pass, message, (error) =>
        error ? reject(error) : resolve(body),
      );
    }),
);
await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
process.stdout.write(`port ${typeof address === "object" ? address?.port : ""}\n`);
