import { describe, expect, test } from "vitest";
import {
  StreamValidateTokensResponse,
  ValidateTokenResponse,
  ValidateTokensResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { encodeResults, encodeStreamResult } from "../../../src/rpc/conversion/result_bytes.js";

const status = { code: 16, message: "x".repeat(300), details: [] };

describe("results in bytes are what the generated encoder writes", () => {
  test.each([0, 1, 120, 127, 128, 20_000])("with a token's answer of some %i bytes", (length) => {
    const token = ValidateTokenResponse.create({ userId: "u".repeat(length), revision: 5n });
    const bytes = Buffer.from(ValidateTokenResponse.encode(token).finish());
    const good = { $case: "token", value: token } as const;
    const bad = { $case: "error", value: status } as const;

    const results = [{ result: good }, { result: bad }, { result: good }];
    expect(encodeResults([bytes, status, bytes])).toEqual(
      Buffer.from(ValidateTokensResponse.encode({ results }).finish()),
    );
    for (const requestId of ["", "a", "é".repeat(80), "z".repeat(128)])
      for (const [ours, result] of [[bytes, good] as const, [status, bad] as const])
        expect(encodeStreamResult(requestId, ours)).toEqual(
          Buffer.from(StreamValidateTokensResponse.encode({ requestId, result }).finish()),
        );
  });
});
