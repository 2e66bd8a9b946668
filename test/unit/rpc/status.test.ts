import { describe, expect, test } from "vitest";
import type { Any } from "../../../generated/google/protobuf/any.js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
  RequestInfo,
  RetryInfo,
} from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";
import {
  Code,
  fail,
  overloaded,
  REASONS,
  type Reason,
  unavailable,
} from "../../../src/core/errors.js";
import { LANGUAGES, type Language, textOf } from "../../../src/rpc/messages/catalogue.js";
import { failureOf, type GrpcStatus, statusOf, toRpcStatus } from "../../../src/rpc/status.js";

const decode = (status: GrpcStatus): Status => {
  const [bytes] = status.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) throw new Error("the status has no details");
  return Status.decode(bytes);
};

const detail = <T>(
  status: Status,
  name: string,
  type: { decode(value: Buffer): T },
): T | undefined => {
  const found: Any | undefined = status.details.find(
    ({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`,
  );
  return found && type.decode(found.value);
};

const to = (language: Language) => ({ language, requestId: "req-1" });

describe("the status of a failure", () => {
  test.each(Object.keys(REASONS) as Reason[])(
    "%s has its code, reason and text in every language",
    (reason) => {
      for (const language of LANGUAGES) {
        const status = statusOf(fail(reason), to(language));
        const details = decode(status);
        expect(status).toMatchObject({ code: REASONS[reason].code, details: textOf("en", reason) });
        expect(details).toMatchObject({ code: status.code, message: status.details });
        expect(detail(details, "ErrorInfo", ErrorInfo)).toEqual({
          reason,
          domain: "curfew",
          metadata: {},
        });
        expect(detail(details, "LocalizedMessage", LocalizedMessage)).toEqual({
          locale: language,
          message: textOf(language, reason),
        });
      }
    },
  );

  test("tells when to retry where that helps, and only there", () => {
    const retry = (status: GrpcStatus) =>
      detail(decode(status), "RetryInfo", RetryInfo)?.retryDelay;
    expect(retry(statusOf(unavailable(), to("en")))).toEqual({ seconds: 1n, nanos: 0 });
    expect(retry(statusOf(fail("DEPENDENCY_UNAVAILABLE"), to("en")))).toEqual({
      seconds: 1n,
      nanos: 0,
    });
    expect(
      retry(statusOf(fail("TOO_MANY_ATTEMPTS", { retryAfterMs: 61_250.2 }), to("en"))),
    ).toEqual({
      seconds: 61n,
      nanos: 251_000_000,
    });
    expect(retry(statusOf(fail("SESSION_EXPIRED"), to("en")))).toBeUndefined();
  });

  test("O1: tells retry policies of gRPC when to repeat an overloaded call, and no other of its code", () => {
    const pushback = (status: GrpcStatus) => status.metadata.get("grpc-retry-pushback-ms");
    expect(pushback(statusOf(overloaded(1234.5), to("en")))).toEqual(["1235"]);
    expect(pushback(statusOf(fail("OVERLOADED"), to("en")))).toEqual(["1000"]);
    for (const [reason, { code }] of Object.entries(REASONS)) {
      if (reason === "OVERLOADED") continue;
      const expected = code === Code.RESOURCE_EXHAUSTED ? ["-1"] : [];
      expect(pushback(statusOf(fail(reason as Reason), to("en"))), reason).toEqual(expected);
    }
  });

  test("O2: refusals that say the same share a status, and others do not", () => {
    const refusal = (limit: string, retryAfterMs: number) =>
      statusOf(
        fail("OVERLOADED", { metadata: { limit }, retryAfterMs, cause: "a queue" }),
        to("en"),
      );
    const status = refusal("calls", 500);
    expect(refusal("calls", 500)).toBe(status);
    expect(detail(decode(status), "ErrorInfo", ErrorInfo)?.metadata).toEqual({ limit: "calls" });
    for (const other of [refusal("streams", 500), refusal("calls", 550)])
      expect(decode(other)).not.toEqual(decode(status));
    const french = statusOf(fail("OVERLOADED", { metadata: { limit: "calls" } }), to("fr"));
    expect(detail(decode(french), "LocalizedMessage", LocalizedMessage)?.locale).toBe("fr");
  });

  test("carries facts and violations, and never the cause (D6)", () => {
    const violations = [{ field: "username", description: "must be set" }];
    const secret = new Error("password=hunter2");
    const status = statusOf(
      fail("INVALID_ARGUMENT", { violations, metadata: { a: "b" }, cause: secret }),
      to("fr"),
    );
    const details = decode(status);
    expect(status.details).toBe("The request is invalid: username must be set");
    expect(detail(details, "ErrorInfo", ErrorInfo)?.metadata).toEqual({ a: "b" });
    expect(detail(details, "BadRequest", BadRequest)?.fieldViolations).toMatchObject(violations);
    expect(JSON.stringify(status)).not.toContain("hunter2");
    expect(Buffer.from(Status.encode(details).finish()).includes("hunter2")).toBe(false);
  });

  test("names the request in the log when the failure is a defect of ours", () => {
    const status = statusOf(failureOf(new TypeError("x is not a function")), to("de"));
    expect(status).toMatchObject({ code: REASONS.INTERNAL.code, details: "Internal error" });
    expect(detail(decode(status), "RequestInfo", RequestInfo)?.requestId).toBe("req-1");
    expect(
      detail(decode(statusOf(fail("NOT_FOUND"), to("de"))), "RequestInfo", RequestInfo),
    ).toBeUndefined();
  });

  test("is made once where nothing in it varies", () => {
    expect(statusOf(fail("SESSION_EXPIRED"), to("es"))).toBe(
      statusOf(fail("SESSION_EXPIRED"), to("es")),
    );
    expect(statusOf(fail("SESSION_EXPIRED"), to("es"))).not.toBe(
      statusOf(fail("SESSION_EXPIRED"), to("en")),
    );
    const ended = (at: string) =>
      statusOf(fail("ACCESS_TOKEN_BLACKLISTED", { metadata: { ended_at: at } }), to("en"));
    expect(detail(decode(ended("1")), "ErrorInfo", ErrorInfo)?.metadata).toEqual({ ended_at: "1" });
    expect(detail(decode(ended("2")), "ErrorInfo", ErrorInfo)?.metadata).toEqual({ ended_at: "2" });
  });

  test("fits into trailers however many violations there are", () => {
    const violations = Array.from({ length: 1000 }, (_, index) => ({
      field: `f[${index}]`,
      description: "bad",
    }));
    const [bytes] = statusOf(fail("INVALID_ARGUMENT", { violations }), to("en")).metadata.get(
      "grpc-status-details-bin",
    );
    expect(bytes?.length).toBeLessThan(4096);
  });
});

describe("a failure inside an answer", () => {
  test("is the status that the call would have ended with", () => {
    const error = fail("ACCESS_TOKEN_BLACKLISTED", { metadata: { end_reason: "LOGOUT" } });
    expect(toRpcStatus(error, "ar")).toEqual(decode(statusOf(error, to("ar"))));
    expect(toRpcStatus(fail("SESSION_EXPIRED"), "ar")).toEqual(
      decode(statusOf(fail("SESSION_EXPIRED"), to("ar"))),
    );
    expect(toRpcStatus(new Error("boom"), "en")).toMatchObject({
      code: 13,
      message: "Internal error",
    });
  });
});
