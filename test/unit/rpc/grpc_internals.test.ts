import { Server } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { internalsOf } from "../../../src/rpc/grpc_internals.js";

test("grpc-js has the internals that are relied on", () => {
  const server = new Server();
  expect(internalsOf(server)).toBe(server);
  server.forceShutdown();
});

test.each([
  "createHttp2Server",
  "_streamHandler",
  "_runHandlerForCall",
  "onStreamOpened",
  "handlers",
])("a grpc-js without %s is refused at the start", (name) => {
  const server = new Server();
  Object.assign(server, { [name]: undefined });
  expect(() => internalsOf(server)).toThrow("not supported");
  server.forceShutdown();
});
