import { create, type DescField, type DescMessage, ScalarType, toBinary } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import {
  AuthServiceService,
  RecordActivityRequest,
  ValidateTokensRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import { strictly, Undecodable } from "../../../src/rpc/decoding.js";
import { readDescriptors, registryOf } from "../../../src/rpc/descriptors.js";
import { MAX_REQUEST_BYTES, readRules } from "../../../src/rpc/rules.js";
import { fieldOptionsReader } from "../../../src/rpc/validation/field_options.js";
import { messageBounds } from "../../../src/rpc/validation/message_bounds.js";

const descriptors = readDescriptors();
const registry = registryOf(descriptors);
const rules = readRules(descriptors);
const optionsOf = fieldOptionsReader(registry);
const boundsOf = messageBounds(optionsOf);

const requestTypes = [...registry].flatMap((type) =>
  type.kind === "service" && type.typeName.startsWith("curfew.")
    ? type.methods.map(
        (method) => [`/${type.typeName}/${method.name}`, method.input] as [string, DescMessage],
      )
    : [],
);

/** The longest access token is 8 KiB; everything else that is unbounded stays short. */
const textOf = (maxLength: number): string =>
  maxLength > 0 ? "𝄞".repeat(maxLength) : "t".repeat(8192);

const scalarOf = ({ scalar }: DescField, maxLength: number) => {
  if (scalar === ScalarType.STRING) return textOf(maxLength);
  if (scalar === ScalarType.BOOL) return true;
  return scalar === ScalarType.INT64 ? -1n : -1;
};

/** A message with every field set to the largest value that its bounds allow. */
const largest = (type: DescMessage): ReturnType<typeof create> => {
  const message = reflect(type, create(type));
  for (const field of type.fields) {
    const { maxLength, maxItems } = optionsOf(field).bounds;
    if (field.fieldKind === "list") {
      const list = message.get(field);
      for (let index = 0; index < (maxItems || 4); index += 1)
        list.add(
          field.message
            ? reflect(field.message, largest(field.message) as never)
            : field.enum
              ? (field.enum.values.at(-1)?.number ?? 0)
              : "𝄞".repeat(maxLength || 8),
        );
    } else if (field.fieldKind === "message")
      message.set(field, reflect(field.message, largest(field.message) as never));
    else if (field.fieldKind === "scalar") message.set(field, scalarOf(field, maxLength) as never);
    else if (field.fieldKind === "enum") message.set(field, field.enum.values.at(-1)?.number ?? 0);
  }
  return message.message;
};

describe("D8 the size of a request, before it is decoded", () => {
  test.each(requestTypes)("%s takes the largest request that its bounds allow", (path, type) => {
    const bytes = toBinary(type, largest(type));
    const { requestBytes } = rules.of(path);
    // ValidateTokens takes 1,000 tokens and 4 MiB, whichever comes first.
    if (requestBytes < MAX_REQUEST_BYTES) expect(bytes.length).toBeLessThanOrEqual(requestBytes);
    expect(boundsOf(type).countFields(bytes)).toBeUndefined();
  });

  test.each(requestTypes)("%s takes at most that many bytes, and not a multiple", (path, type) => {
    const bytes = toBinary(type, largest(type));
    expect(rules.of(path).requestBytes).toBeLessThan(3 * bytes.length + 128 * 1024);
  });

  test("only a batch takes more than 1 MiB", () => {
    const large = rules.methods.filter(({ requestBytes }) => requestBytes > 1024 * 1024);
    expect(large.map(({ path }) => path)).toEqual([AuthServiceService.validateTokens.path]);
  });
});

describe("D8 the fields of a request, before it is decoded", () => {
  const method = AuthServiceService.validateTokens;
  const { countFields } = rules.of(method.path);
  const item = Buffer.from(
    ValidateTokensRequest.encode({
      requests: [{ accessToken: "x", audience: "y", skipActivity: true }],
    }).finish(),
  );
  const items = (count: number, one = item): Buffer =>
    Buffer.concat(new Array<Buffer>(count).fill(one));

  test("a full batch is decoded", () => {
    const decoded = strictly(ValidateTokensRequest.decode, countFields)(items(1000));
    expect(decoded).toMatchObject({ requests: { length: 1000 } });
  });

  test.each([
    ["one element too many", items(1001)],
    ["two million empty elements", items(2_000_000, Buffer.from([0x0a, 0]))],
    [
      "elements too many, and what comes after them is not looked at", // 0xff: no tag
      Buffer.concat([items(1001), Buffer.alloc(64, 0xff)]),
    ],
  ])("%s: refused by the name of the list, and not decoded", (_what, bytes) => {
    let isDecoded = false;
    const decode = (): undefined => {
      isDecoded = true;
    };
    const answer = strictly(decode, countFields)(bytes);
    expect(answer).toBeInstanceOf(Undecodable);
    expect((answer as Undecodable).failure.violations).toEqual([
      { field: "requests", description: "must have at most 1000 elements" },
    ]);
    expect(isDecoded).toBe(false);
  });

  const unknown = Buffer.from([0xf8, 0x07, 0x01]);
  test.each([
    ["beside the known ones", items(100_000, unknown)],
    [
      "inside an element",
      Buffer.concat([Buffer.from([0x0a, 0xe0, 0xa7, 0x12]), items(100_000, unknown)]),
    ],
  ])("a flood of unknown fields %s is refused", (_where, bytes) => {
    const answer = strictly(ValidateTokensRequest.decode, countFields)(bytes);
    expect((answer as Undecodable).failure.violations[0]?.description).toMatch(
      /^must have at most \d+ fields$/,
    );
  });

  test("a client that is newer may send a few unknown fields in each message", () => {
    const bytes = Buffer.concat([items(1), items(100, unknown)]);
    expect(strictly(ValidateTokensRequest.decode, countFields)(bytes)).not.toBeInstanceOf(
      Undecodable,
    );
  });

  test("lists of other methods are bounded too", () => {
    const { countFields: count } = rules.of(AuthServiceService.recordActivity.path);
    const bytes = Buffer.from(
      RecordActivityRequest.encode({
        activities: new Array(1001).fill({ sessionId: "s", at: new Date(0) }),
      }).finish(),
    );
    expect(count?.(bytes)?.field).toBe("activities");
  });

  test.each([
    ["an element cut short", [0x0a]],
    ["an element longer than the message", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]],
    ["a group", [0x0b, 0x0c]],
    ["the end of a group inside an element", [0x0a, 1, 0x0c]],
    ["field number 0 inside an element", [0x0a, 2, 0, 0]],
    ["half a tag", [0xff]],
    ["half a number", [0x09, 1]],
  ])("%s is no message", (_what, bytes) => {
    const answer = strictly(ValidateTokensRequest.decode, countFields)(Buffer.from(bytes));
    expect((answer as Undecodable).failure.violations[0]?.description).toContain(
      "must be a message",
    );
  });
});
