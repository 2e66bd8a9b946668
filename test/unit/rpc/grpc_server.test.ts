import { readFileSync } from "node:fs";
import { Server } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { grpcServerOf } from "../../../src/rpc/wire/grpc_server.js";

/** All that is used of grpc-js beyond its public interface. */
const PRIVATE_NAMES = ["commonServerOptions", "createHttp2Server", "_runHandlerForCall"];

test("grpc-js has the private names that are relied on", () => {
  const server = new Server();
  expect(grpcServerOf(server)).toBe(server);
  server.forceShutdown();
});

test("they are at most four, and no others are declared", () => {
  expect(PRIVATE_NAMES.length).toBeLessThanOrEqual(4);
  const source = readFileSync(
    new URL("../../../src/rpc/wire/grpc_server.ts", import.meta.url),
    "utf8",
  );
  const declared = [...source.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(([, name]) => name);
  expect(declared.filter((name) => name !== "typeof" && name !== "throw")).toEqual(PRIVATE_NAMES);
});

test.each(PRIVATE_NAMES)("a grpc-js without %s is refused at the start", (name) => {
  const server = new Server();
  Object.assign(server, { [name]: undefined });
  expect(() => grpcServerOf(server)).toThrow("not supported");
  server.forceShutdown();
});
