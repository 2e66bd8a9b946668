import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { callHeaders, FLAG, FRAME, frame, grpcMessage, openRaw } from "./raw_http2.js";

const TRIES = 20;
const PROFILE = "/curfew.v1.AuthService/GetProfile";

interface Line {
  readonly method?: string;
  readonly msg?: string;
  readonly ip?: string;
}

let service: TestService;
const lines: Line[] = [];
beforeAll(async () => {
  service = await startTestService({ TRUSTED_PROXIES: "" }, (line) => lines.push(JSON.parse(line)));
});
afterAll(() => service?.stop());

/** The address that a try says it comes from. */
const forged = (index: number): string => `203.0.113.${index + 1}`;

/** When the peer resets. */
type Until = (index: number) => Promise<unknown>;

/** Before the bytes are read, while they are, and after. */
const soon: Until = async (index) => {
  if (index % 4 > 0) await wait(index % 4);
};

const reset = async (socket: Socket, index: number, until: Until): Promise<void> => {
  await until(index);
  // SO_LINGER of 0: the kernel sends RST.
  socket.resetAndDestroy();
};

/** Calls a method that refuses every stranger, over gRPC. */
const overGrpc = async (index: number, until: Until): Promise<void> => {
  const raw = await openRaw(Number(service.target.split(":")[1]));
  const headers = callHeaders(PROFILE, [["x-forwarded-for", forged(index)]]);
  const call = [
    frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, headers),
    frame(FRAME.DATA, FLAG.END_STREAM, 1, grpcMessage(Buffer.alloc(0))),
  ];
  void raw.write(Buffer.concat(call));
  await reset(raw.socket, index, until);
};

/** The same over REST, with a body that is refused unread. */
const overRest = async (index: number, until: Until): Promise<void> => {
  const socket = connect(Number(new URL(service.origin).port), "127.0.0.1");
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(
    "POST /auth/validate:batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
      `content-length: 2\r\nx-forwarded-for: ${forged(index)}\r\n\r\n{}`,
  );
  await reset(socket, index, until);
};

test.each([
  ["over gRPC", "/GetProfile", overGrpc],
  ["over REST", "/ValidateTokens", overRest],
])("D9 a peer that resets its connection is not believed: %s", async (_, method, attempt) => {
  const seen = () => lines.filter((line) => line.method?.endsWith(method));
  for (let index = 0; index < TRIES; index += 1) await attempt(index, soon);
  // Its reset comes after the answer, so calls seen before raced theirs.
  const before = seen().length;
  await attempt(TRIES, () => waitUntil("the call is seen", () => seen().length > before));
  for (const { ip } of seen()) expect(["127.0.0.1", ""]).toContain(ip);
});

test("D9 and nothing that was written down names the address that it made up", async () => {
  const events = await service.query<{ ip: string }>("SELECT ip FROM audit_events");
  const addresses = [...events, ...lines].map(({ ip }) => ip ?? "");
  expect(addresses).toContain("127.0.0.1");
  expect(addresses.filter((address) => address.startsWith("203.0.113."))).toEqual([]);
});
