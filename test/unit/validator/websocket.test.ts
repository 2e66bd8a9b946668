import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import {
  authenticateUpgrade,
  refuseUpgrade,
} from "../../../src/validator/integrations/websocket.js";
import type { Validator } from "../../../src/validator/validator.js";
import { ValidatorError } from "../../../src/validator/validator_error.js";
import { waitUntil } from "../../support/wait_until.js";

const UPGRADE =
  "GET / HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\nauthorization: Bearer token\r\n\r\n";

let server: Server;
afterEach(async () => {
  server.close();
  await once(server, "close");
});

/** A server that opens no WebSocket; its validator refuses when a test says so. */
const stage = async () => {
  let refuse = (): void => undefined;
  const sockets: Socket[] = [];
  // Nothing else of it is used.
  const validator = {
    validateNow: () => undefined,
    validate: () =>
      new Promise<never>((_, reject) => {
        refuse = () => reject(new ValidatorError("ACCESS_TOKEN_BLACKLISTED"));
      }),
  } as Partial<Validator> as Validator;
  server = createServer().on("upgrade", (request, socket) => {
    sockets.push(request.socket);
    authenticateUpgrade(validator, request).catch((error: unknown) => refuseUpgrade(socket, error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  client.write(UPGRADE);
  await waitUntil("the request is there", () => sockets.length === 1);
  return { client, refuse: () => refuse(), socket: sockets[0] as Socket };
};

test("a refusal is a problem, and closes the connection though the client keeps its end open", async () => {
  const { client, refuse, socket } = await stage();
  refuse();
  let answer = "";
  client.on("data", (chunk) => {
    answer += String(chunk);
  });
  await once(client, "end");
  expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
  expect(answer).toContain('"code":"access_token_blacklisted"');
  await waitUntil("the server let go of it", () => socket.destroyed);
  client.destroy();
});

test("a client that resets the connection while its token is checked harms nobody", async () => {
  const { client, refuse, socket } = await stage();
  // Without a listener the error would be uncaught, and end the process.
  client.resetAndDestroy();
  await waitUntil("the server noticed", () => socket.destroyed);
  refuse();
  await waitUntil("it was refused", () => socket.listenerCount("error") > 0);
});
