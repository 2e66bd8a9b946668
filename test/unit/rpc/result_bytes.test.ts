import { describe, expect, test } from "vitest";
import {
  StreamValidateTokensResponse,
  ValidateTokenResponse,
  ValidateTokensResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import type { ValidToken } from "../../../src/core/validation/validate_token.js";
import { resultEncoder } from "../../../src/rpc/conversion/result_bytes.js";
import type { ValidTokenWriter } from "../../../src/rpc/conversion/valid_token_bytes.js";

const status = { code: 16, message: "x".repeat(300), details: [] };
const token = { claims: {}, session: {} } as ValidToken;

/** Writes the same answer for every token. */
const writerOf = (bytes: Buffer): ValidTokenWriter => ({
  measure: () => bytes.length,
  write: (buffer, start) => {
    buffer.set(bytes, start);
  },
});

describe("results in bytes are what the generated encoder writes", () => {
  test.each([0, 1, 120, 127, 128, 20_000])("with a token's answer of some %i bytes", (length) => {
    const message = ValidateTokenResponse.create({ userId: "u".repeat(length), revision: 5n });
    const bytes = Buffer.from(ValidateTokenResponse.encode(message).finish());
    const encoder = resultEncoder(writerOf(bytes));
    const good = { $case: "token", value: message } as const;
    const bad = { $case: "error", value: status } as const;

    const results = [{ result: good }, { result: bad }, { result: good }];
    expect(encoder.results([token, status, token], 5n)).toEqual(
      Buffer.from(ValidateTokensResponse.encode({ results }).finish()),
    );
    for (const requestId of ["", "a", "é".repeat(80), "z".repeat(128)])
      for (const [ours, result] of [[token, good] as const, [status, bad] as const])
        expect(encoder.streamResult(requestId, ours, 5n)).toEqual(
          Buffer.from(StreamValidateTokensResponse.encode({ requestId, result }).finish()),
        );
  });

  test("however many there are", () => {
    const message = ValidateTokenResponse.create({ userId: "u".repeat(1000) });
    const encoder = resultEncoder(
      writerOf(Buffer.from(ValidateTokenResponse.encode(message).finish())),
    );
    expect(encoder.results([], 0n)).toHaveLength(0);
    const many = encoder.results(Array<ValidToken>(500).fill(token), 0n);
    const { results } = ValidateTokensResponse.decode(many);
    expect(results).toHaveLength(500);
    expect(results.at(-1)?.result).toEqual({ $case: "token", value: message });
  });
});
