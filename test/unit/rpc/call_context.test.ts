import { Metadata } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import type { Connection } from "../../../src/rpc/budgets/connection.js";
import {
  CallContext,
  type CallEnvironment,
  type UnderlyingCall,
} from "../../../src/rpc/call_context.js";
import { clientAddress } from "../../../src/rpc/client_address.js";
import { closedRule } from "../../../src/rpc/rules.js";

const contextOver = (connection: Pick<Connection, "address" | "isGateway">): CallContext => {
  const environment = { clientAddress: clientAddress([]) } as unknown as CallEnvironment;
  const call = { connection } as UnderlyingCall;
  const context = new CallContext(closedRule("/x/Y"), call, environment);
  const metadata = new Metadata();
  metadata.set("x-forwarded-for", "198.51.100.1");
  metadata.set("x-forwarded-user-agent", "forged");
  metadata.set("user-agent", "its own");
  context.receive(metadata);
  return context;
};

describe("D9: who is believed about a client", () => {
  test("nobody whose connection was reset, however its address looks now", () => {
    const context = contextOver({ address: {}, isGateway: false });
    expect(context.ip).toBe("");
    expect(context.isForwarded).toBe(false);
    expect(context.userAgent).toBe("its own");
  });

  test("our own gateway, by its listener", () => {
    const context = contextOver({ address: {}, isGateway: true });
    expect(context.ip).toBe("198.51.100.1");
    expect(context.userAgent).toBe("forged");
  });
});
