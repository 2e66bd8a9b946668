import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { Client, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import express from "express";
import Fastify from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import * as onExpress from "../../../src/validator/integrations/express.js";
import * as onFastify from "../../../src/validator/integrations/fastify.js";
import * as onGrpc from "../../../src/validator/integrations/grpc.js";
import * as onWebSocket from "../../../src/validator/integrations/websocket.js";
import type { ValidSession } from "../../../src/validator/valid_session.js";
import type { ValidateOptions, Validator } from "../../../src/validator/validator.js";

const SESSION = {
  userId: "u",
  username: "ann",
  roles: [],
  sessionId: "s",
} as Partial<ValidSession> as ValidSession;

/** A validator that takes every token and notes what counts as a use of its session. */
const recording = () => {
  const uses: string[] = [];
  const asked: ValidateOptions[] = [];
  const validator = {
    validateNow: () => {
      uses.push("now");
      return undefined;
    },
    validate: async (_token: string, options: ValidateOptions = {}) => {
      asked.push(options);
      if (!options.skipActivity) uses.push("check");
      return SESSION;
    },
    guard: () => ({ touch: () => void uses.push("message"), release: () => undefined }),
  } as Partial<Validator> as Validator;
  return { validator, uses, asked };
};

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const BACKGROUND = { authorization: "Bearer t", "x-skip-activity": "true" };
const ORDINARY = { authorization: "Bearer t" };

const frameworks = {
  async fastify(validator: Validator, takesHeader: boolean) {
    const { curfew, requireUser, getCurrentActiveUser, skipsActivity } = onFastify;
    const app = Fastify();
    await app.register(curfew, { validator, ...(takesHeader && { isBackground: skipsActivity }) });
    app.get("/", { onRequest: requireUser }, async (request) => getCurrentActiveUser(request));
    closers.push(() => app.close());
    return app.listen({ port: 0, host: "127.0.0.1" });
  },
  async express(validator: Validator, takesHeader: boolean) {
    const { requireUser, getCurrentActiveUser, skipsActivity } = onExpress;
    const app = express();
    app.use(requireUser(validator, takesHeader ? { isBackground: skipsActivity } : {}));
    app.get("/", async (request, response) => {
      response.json(await getCurrentActiveUser(request));
    });
    const server = createServer(app).listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
};

describe.each(Object.entries(frameworks))("%s", (_name, open) => {
  test("a request with X-Skip-Activity does not count as a use, where the guard honours it", async () => {
    const { validator, uses, asked } = recording();
    const url = await open(validator, true);
    expect((await fetch(url, { headers: BACKGROUND })).status).toBe(200);
    expect(uses).toEqual([]);
    expect(asked).toMatchObject([{ skipActivity: true }, { skipActivity: true, fresh: true }]);
    await fetch(url, { headers: ORDINARY });
    expect(uses).toEqual(["now", "check", "check"]);
  });

  test("without the option every request counts", async () => {
    const { validator, uses } = recording();
    await fetch(await open(validator, false), { headers: BACKGROUND });
    expect(uses).toEqual(["now", "check", "check"]);
  });
});

describe("grpc", () => {
  const bytes = (value: Buffer): Buffer => value;
  const chat = {
    path: "/test.Chat/Talk",
    requestStream: true,
    responseStream: true,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  } as const;

  const talk = async (validator: Validator, headers: Record<string, string>): Promise<void> => {
    const { validatorInterceptor, skipsActivity } = onGrpc;
    const server = new Server({
      interceptors: [validatorInterceptor({ validator, isBackground: skipsActivity })],
    });
    server.addService(
      { talk: chat },
      {
        talk: (call: EventEmitter & { write(value: Buffer): void; end(): void }) => {
          call.on("data", (value: Buffer) => call.write(value));
          call.on("end", () => call.end());
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    closers.push(() => {
      client.close();
      server.forceShutdown();
    });
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const call = client.makeBidiStreamRequest(chat.path, bytes, bytes, metadata);
    call.write(Buffer.from("hello"));
    await once(call, "data");
    call.end();
    await once(call, "status");
  };

  test("neither the call nor the messages of a background stream are uses", async () => {
    const { validator, uses } = recording();
    await talk(validator, BACKGROUND);
    expect(uses).toEqual([]);
    await talk(validator, ORDINARY);
    expect(uses).toEqual(["now", "check", "message"]);
  });
});

describe("websocket", () => {
  const open = async (validator: Validator, headers: Record<string, string>) => {
    const { authenticateUpgrade, closeWithSession, skipsActivity, upgradeToken } = onWebSocket;
    const request = { headers, rawHeaders: [], socket: new Socket() } as unknown as IncomingMessage;
    await authenticateUpgrade(validator, request, upgradeToken, { isBackground: skipsActivity });
    const socket = Object.assign(new EventEmitter(), {
      close: () => undefined,
      terminate: () => undefined,
    });
    closeWithSession(socket, request);
    socket.emit("message");
    socket.emit("close");
  };

  test("neither the opening request nor the messages of a background one are uses", async () => {
    const { validator, uses } = recording();
    await open(validator, BACKGROUND);
    expect(uses).toEqual([]);
    await open(validator, ORDINARY);
    expect(uses).toEqual(["now", "check", "message"]);
  });
});
