import fc from "fast-check";
import { expect, test } from "vitest";
import { ValidateTokenResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { AccessClaims } from "../../../src/access_token/access_claims.js";
import type { ValidToken } from "../../../src/core/validation/validate_token.js";
import { validTokenToProto } from "../../../src/rpc/conversion/valid_token.js";
import { validTokenWriter } from "../../../src/rpc/conversion/valid_token_bytes.js";

const IDLE_MS = 1_800_000;
const LATEST_SECOND = 4_102_444_800;

const seconds = fc.integer({ min: 0, max: LATEST_SECOND });
const milliseconds = fc.integer({ min: 0, max: LATEST_SECOND * 1000 });
const text = fc.string({ unit: "grapheme" });
const claims: fc.Arbitrary<AccessClaims> = fc.record({
  iss: text,
  aud: fc.array(text),
  sub: text,
  sid: text,
  jti: text,
  iat: seconds,
  exp: seconds,
  sexp: seconds,
  auth_time: seconds,
  amr: fc.array(text),
  roles: fc.array(text),
});
const session = fc.record({
  username: text,
  roles: fc.array(text, { maxLength: 3 }),
  expiresAt: milliseconds,
  lastActivityAt: milliseconds,
});
const revision = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n });

test("a good token in bytes says what the generated message says, whatever was said of it before", () => {
  fc.assert(
    fc.property(claims, fc.array(fc.tuple(session, revision), { minLength: 1 }), (said, asked) => {
      const writer = validTokenWriter(IDLE_MS);
      for (const [known, at] of asked) {
        const token: ValidToken = {
          claims: said,
          session: { ...known, sessionId: said.sid, userId: said.sub },
        };
        // A place within something larger, of exactly the size that was said.
        const buffer = Buffer.alloc(7 + writer.measure(token, at) + 1, 0xff);
        writer.write(buffer, 7);
        expect(buffer.at(-1)).toBe(0xff);
        const message = ValidateTokenResponse.decode(buffer.subarray(7, -1));
        expect(message).toEqual(
          ValidateTokenResponse.decode(
            ValidateTokenResponse.encode(validTokenToProto(token, IDLE_MS, at)).finish(),
          ),
        );
      }
    }),
  );
});
