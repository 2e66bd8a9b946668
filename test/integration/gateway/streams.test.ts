import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  setExtension,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.js";
import { rpcFailure } from "./rpc_failure.js";
import { DESCRIPTORS } from "./stub_service.js";

/** The shipped descriptors with an annotation on a method that has none. */
const annotate = (service: string, method: string, rule: JsonValue): Uint8Array => {
  const set = fromBinary(FileDescriptorSetSchema, DESCRIPTORS);
  const http = createFileRegistry(set).getExtension("google.api.http");
  if (http?.fieldKind !== "message") throw new Error("the descriptors lack google.api.http");
  for (const candidate of set.file.flatMap((file) => file.service)) {
    for (const declared of candidate.method) {
      if (candidate.name !== service || declared.name !== method) continue;
      declared.options ??= create(MethodOptionsSchema);
      setExtension(declared.options, http, fromJson(http.message, rule));
    }
  }
  return toBinary(FileDescriptorSetSchema, set);
};

const descriptors = annotate("AuthService", "WatchRevocations", {
  get: "/api/v1/auth/revocations:watch",
});
const URL_PATH = "/api/v1/auth/revocations:watch?after_revision=7";
const first = { watermark: { revision: "8" } };
const second = { revocation: { revision: "9", session_id: "s1" } };
const secondWritten = {
  revocation: {
    revision: "9",
    session_id: "s1",
    user_id: "",
    reason: "UNSPECIFIED",
  },
};

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({ descriptors });
  await fixture.gateway.listen({ host: "127.0.0.1", port: 0 });
});
beforeEach(() => fixture.stub.reset());
afterAll(() => fixture.stop());

const watch = (accept?: string) =>
  fixture.send({ method: "GET", url: URL_PATH, headers: accept ? { accept } : {} });

test("a stream is lines of JSON", async () => {
  fixture.stub.answer("WatchRevocations", () => [first, second]);
  const answer = await watch();
  expect(answer.headers["content-type"]).toBe("application/x-ndjson");
  const lines = answer.body.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([first, secondWritten]);
  expect(fixture.stub.last().request).toEqual({ after_revision: "7" });
});

test("or server-sent events", async () => {
  fixture.stub.answer("WatchRevocations", () => [first]);
  const answer = await watch("text/event-stream");
  expect(answer.headers["content-type"]).toBe("text/event-stream");
  expect(answer.body).toBe(`data: ${JSON.stringify(first)}\n\n`);
});

test("a failure before the first message is a problem", async () => {
  fixture.stub.answer("WatchRevocations", () => {
    throw rpcFailure("REVISION_OUT_OF_RANGE");
  });
  const answer = await watch();
  expect(answer.statusCode).toBe(400);
  expect(answer.json().code).toBe("revision_out_of_range");
});

test("a later one is the last line or event", async () => {
  fixture.stub.answer("WatchRevocations", () => {
    throw { ...rpcFailure("ACCESS_TOKEN_BLACKLISTED"), after: [first] };
  });
  const lines = (await watch()).body.trimEnd().split("\n");
  expect(JSON.parse(lines[0] ?? "")).toEqual(first);
  expect(JSON.parse(lines[1] ?? "").error).toMatchObject({ code: "access_token_blacklisted" });
  const events = (await watch("text/event-stream")).body.split("\n\n");
  expect(events[1]).toMatch(/^event: problem\ndata: \{.*"access_token_blacklisted"/);
});

test("a client that goes away ends the stream at the service", async () => {
  fixture.stub.answer("WatchRevocations", () => new Promise(() => {}));
  const { port } = fixture.gateway.server.address() as AddressInfo;
  const started = fixture.stub.next();
  const sent = get({ port, host: "127.0.0.1", agent: false, path: URL_PATH });
  sent.on("error", () => {});
  const call = await started;
  expect(call.timeLeft).toBe(Number.POSITIVE_INFINITY);
  sent.destroy();
  await call.cancelled;
});

test("closing the gateway ends open streams", async () => {
  const own = await startFixture({ descriptors });
  await own.gateway.listen({ host: "127.0.0.1", port: 0 });
  own.stub.answer("WatchRevocations", () => new Promise(() => {}));
  const started = own.stub.next();
  const { port } = own.gateway.server.address() as AddressInfo;
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, host: "127.0.0.1", agent: false, path: URL_PATH }, resolve).on("error", reject);
  });
  const call = await started;
  await own.gateway.close();
  await call.cancelled;
  (await answered).resume();
  await own.stub.stop();
});
