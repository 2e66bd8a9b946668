import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ChannelCredentials, Client, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bareCall } from "../integration/doors/bare_call.js";
import { METHODS } from "../integration/doors/methods.js";
import { startTestService, type TestService } from "../support/service.js";

const RUNS = Number(process.env.FUZZ_RUNS ?? 60);
const MAX_DEPTH = 3;

let service: TestService;
let client: Client;
/** Of an administrator, so that it opens every method that a session opens. */
let token: string;
beforeAll(async () => {
  service = await startTestService({ LOGIN_MAX_FAILURES: "1000" });
  client = new Client(service.target, ChannelCredentials.createInsecure());
});
beforeEach(async () => {
  // A new one for each method, since requests may end it, or its user.
  const { username } = await service.createUser(["admin"]);
  token = (await service.signIn(username)).accessToken;
});
afterAll(async () => {
  client?.close();
  await service?.stop();
});

const NASTY = [
  "",
  "\0",
  "\u{1F600}".repeat(255),
  "a\u0301".normalize("NFD"),
  "\u202e\r\n\u001b[31m",
  "'; DROP TABLE sessions; --",
  "../../etc/passwd",
  "%s%n%x",
  "__proto__",
  "00000000-0000-0000-0000-000000000000",
  "0192f0c1-0000-7000-8000-000000000000",
  "eyJhbGciOiJub25lIn0.e30.",
  "x".repeat(2000),
  "display_name",
  "*",
];

const bytes = fc.uint8Array({ maxLength: 60 });
const text: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constantFrom(...NASTY).map((nasty) => Buffer.from(nasty)),
  fc.string({ unit: "binary", maxLength: 40 }).map((any) => Buffer.from(any)),
  fc.uuid().map((id) => Buffer.from(id)),
  bytes,
);
const varint = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 50n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 63n - 1n, 2n ** 64n - 1n),
  fc.bigInt(0n, 2n ** 64n - 1n),
);

type Encoded = fc.Arbitrary<Uint8Array>;

const tagged = (
  number: number,
  type: WireType,
  write: (writer: BinaryWriter) => void,
): Uint8Array => {
  const writer = new BinaryWriter().tag(number, type);
  write(writer);
  return writer.finish();
};
const delimited = (number: number, value: Uint8Array): Uint8Array =>
  tagged(number, WireType.LengthDelimited, (writer) => writer.bytes(value));
const asVarint = (number: number, value: bigint): Uint8Array =>
  tagged(number, WireType.Varint, (writer) => writer.uint64(value));

/** A field as it should be, or of the wrong wire type. */
const fieldOf = (field: DescField, depth: number): Encoded => {
  const wrong = fc.oneof(
    varint.map((value) => asVarint(field.number, value)),
    bytes.map((value) => delimited(field.number, value)),
    fc.constant(tagged(field.number, WireType.Bit32, (writer) => writer.fixed32(7))),
    fc.constant(tagged(field.number, WireType.StartGroup, () => {})),
  );
  const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  const right: Encoded =
    field.message && depth < MAX_DEPTH
      ? messageOf(field.message, depth + 1).map((value) => delimited(field.number, value))
      : isText
        ? text.map((value) => delimited(field.number, value))
        : varint.map((value) => asVarint(field.number, value));
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: wrong });
};

const messageOf = (type: DescMessage, depth = 0): Encoded =>
  fc
    .tuple(...type.fields.map((field) => fc.array(fieldOf(field, depth), { maxLength: 2 })))
    .map((fields) => Buffer.concat(fields.flat()));

const requestOf = (type: DescMessage): Encoded =>
  fc.oneof(
    { weight: 8, arbitrary: messageOf(type) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    {
      weight: 1,
      arbitrary: messageOf(type).map((whole) => whole.subarray(0, Math.floor(whole.length / 2))),
    },
  );

/** What must never be answered: a defect, or a status that gRPC makes of one. */
const DEFECTS = [status.INTERNAL, status.UNKNOWN, status.DATA_LOSS, status.ABORTED];

describe("D5 a fuzzed request of any method is never INTERNAL and never ends the process", () => {
  test.each(METHODS)("D5 $name", { timeout: 120_000 }, async ({ path, rule, input }) => {
    const result = await fc.check(
      fc.asyncProperty(requestOf(input), fc.boolean(), async (message, asUser) => {
        const credential = asUser ? token : service.adminKey;
        const { code } = await bareCall(client, {
          path,
          messages: [message],
          authorization: `Bearer ${credential}`,
          deadlineMs: rule.streaming ? 300 : 10_000,
        });
        return !DEFECTS.includes(code);
      }),
      { numRuns: rule.streaming ? Math.ceil(RUNS / 6) : RUNS },
    );
    expect(result.failed ? fc.defaultReportMessage(result) : undefined).toBeUndefined();
    // The process lives, and answers others.
    expect((await service.createUser()).userId).not.toBe("");
  });
});
