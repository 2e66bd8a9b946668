import { expect, test } from "vitest";
import type { ValidatorError } from "../../../src/validator/index.js";
import { setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();

test("L1: remote mode never says valid after the logout has answered", async () => {
  const { token, username } = await stage.signIn(["clerk"]);
  const validator = await stage.open();
  await expect(validator.validate(token)).resolves.toMatchObject({ username, roles: ["clerk"] });

  await stage.logout(token);
  await expect(validator.validate(token)).rejects.toMatchObject({
    reason: "ACCESS_TOKEN_BLACKLISTED",
    status: 401,
    code: 16,
    retryAfter: undefined,
  });
});

test("many checks at once, good and bad, each get their own answer", async () => {
  const [good, ended] = [await stage.signIn(), await stage.signIn()];
  await stage.logout(ended.token);
  const validator = await stage.open();
  const tokens = Array.from({ length: 2500 }, (_, index) =>
    index % 3 === 0 ? good.token : index % 3 === 1 ? ended.token : `bad-${index}`,
  );
  const answers = await Promise.all(
    tokens.map((token) =>
      validator.validate(token).then(
        ({ userId }) => userId,
        (error: ValidatorError) => error.reason,
      ),
    ),
  );
  const expected = [good.userId, "ACCESS_TOKEN_BLACKLISTED", "ACCESS_TOKEN_INVALID"];
  expect(answers).toEqual(tokens.map((_, index) => expected[index % 3]));
});

test("a refused service key is an outage for callers, and a problem for operators", async () => {
  const { token } = await stage.signIn();
  const problems: string[] = [];
  const onProblem = (problem: Error) => problems.push(problem.message);
  const open = stage.open({ serviceKey: "wrong", onProblem });
  await expect(open).rejects.toThrow(/refuses the validator's own credential.*serviceKey/);

  const unkeyed = await stage.open();
  await expect(unkeyed.validate(token)).resolves.toBeDefined();
});

test("watch tells of a revocation in remote mode too, also of one long past", async () => {
  const { token, sessionId } = await stage.signIn();
  const validator = await stage.open();
  const told = new Promise<ValidatorError>((resolve) => validator.watch(sessionId, resolve));
  await stage.logout(token);
  expect(await told).toMatchObject({ reason: "ACCESS_TOKEN_BLACKLISTED" });
  const again = new Promise<ValidatorError>((resolve) => validator.watch(sessionId, resolve));
  expect((await again).metadata).toMatchObject({ end_reason: "LOGOUT" });
});

test("no replica: DEPENDENCY_UNAVAILABLE within the deadline, and ready says what is missing", async () => {
  const { createValidator } = await import("../../../src/validator/index.js");
  const validator = createValidator({ targets: ["127.0.0.1:1"], deadlineMs: 500 });
  const since = performance.now();
  await expect(validator.validate("x.y.z")).rejects.toMatchObject({
    reason: "DEPENDENCY_UNAVAILABLE",
    status: 503,
    retryAfter: 1,
  });
  expect(performance.now() - since).toBeLessThan(1500);
  await expect(validator.ready({ timeoutMs: 300 })).rejects.toThrow(
    "Curfew's validator is not ready: no replica of Curfew answers (connect ECONNREFUSED 127.0.0.1:1)",
  );
  await validator.close();
});
