import { expect, test } from "vitest";
import type { Validator, ValidatorError } from "../../../src/validator/index.js";
import { waitUntil } from "../../support/wait_until.js";
import { setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();
const MAX_STALENESS = 1000;

const knows = async (validator: Validator, token: string): Promise<void> => {
  await waitUntil("the token is judged here", async () => {
    if (validator.validateNow(token) !== undefined) return true;
    await validator.validate(token).catch(() => undefined);
    return false;
  });
};

/** Whether the token is accepted at this moment without asking. */
const isAcceptedHere = (validator: Validator, token: string): boolean => {
  try {
    return validator.validateNow(token) !== undefined;
  } catch {
    return false;
  }
};

/** How many milliseconds after `since` a token was last accepted here, watched until it is not. */
const acceptedFor = async (validator: Validator, token: string, since: number) => {
  let last = 0;
  await waitUntil("the token is no longer accepted", () => {
    if (!isAcceptedHere(validator, token)) return true;
    last = performance.now() - since;
    return false;
  });
  return last;
};

for (const trouble of ["cut", "hang"] as const) {
  test(`L7: never accepted later than maxStaleness with the network ${trouble}`, async () => {
    const proxy = await stage.proxyTo(stage.service);
    const target = `${proxy.host}:${proxy.port}`;
    const validator = await stage.open({
      mode: "local",
      targets: [target],
      whenStale: "fail",
      deadlineMs: 500,
    });
    const { token } = await stage.signIn();
    await knows(validator, token);

    proxy[trouble]();
    const since = performance.now();
    await stage.logout(token);
    expect(await acceptedFor(validator, token, since)).toBeLessThanOrEqual(MAX_STALENESS);
    await waitUntil("the feed is known to be silent", () => validator.state.feed === "silent");
    const error = await validator.validate(token).catch((failure: ValidatorError) => failure);
    expect(error).toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE", status: 503, isOutage: true });

    proxy.restore();
    await waitUntil("the feed resumed without a gap", async () => {
      const failure = await validator.validate(token).catch((thrown: ValidatorError) => thrown);
      return failure instanceof Error && failure.reason === "ACCESS_TOKEN_BLACKLISTED";
    });
    expect(validator.state.feed).toBe("live");
  });
}

test("L7: messages that the network held back make nothing look younger", async () => {
  const proxy = await stage.proxyTo(stage.service);
  const target = `${proxy.host}:${proxy.port}`;
  const validator = await stage.open({ mode: "local", targets: [target], whenStale: "fail" });
  const { token } = await stage.signIn();
  await knows(validator, token);

  // Everything arrives, in order and steadily, and too late to be of use.
  proxy.delay(2 * MAX_STALENESS);
  const since = performance.now();
  await stage.logout(token);
  const last = await acceptedFor(validator, token, since);
  expect(last).toBeLessThanOrEqual(MAX_STALENESS);
  let wasAccepted = false;
  await waitUntil("the late revocation has arrived", () => {
    wasAccepted ||= isAcceptedHere(validator, token);
    return performance.now() - since > 3 * MAX_STALENESS;
  });
  expect(wasAccepted).toBe(false);
});

test("when stale, policy online asks another replica: no outage, no false accept", async () => {
  const proxy = await stage.proxyTo(stage.service);
  const other = await stage.startReplica();
  const targets = [`${proxy.host}:${proxy.port}`, other.target];
  const validator = await stage.open({ mode: "local", targets });
  const [kept, ended] = [await stage.signIn(), await stage.signIn()];
  await knows(validator, kept.token);
  await knows(validator, ended.token);

  proxy.cut();
  await stage.logout(ended.token);
  await waitUntil("the ended one is refused", () => !isAcceptedHere(validator, ended.token));
  await expect(validator.validate(ended.token)).rejects.toMatchObject({
    reason: "ACCESS_TOKEN_BLACKLISTED",
  });
  await expect(validator.validate(kept.token)).resolves.toMatchObject({ userId: kept.userId });
  await waitUntil("the feed runs over the other replica", () => validator.state.feed === "live");
});

test("a replica that stops takes no check with it", async () => {
  const other = await stage.startReplica();
  const { token, userId } = await stage.signIn();
  for (const mode of ["remote", "local"] as const) {
    const targets = [other.target, stage.service.target];
    const validator = await stage.open({ mode, targets });
    let checks = 0;
    let failed = 0;
    let isOver = false;
    const client = (async () => {
      while (!isOver) {
        checks += 1;
        const answer = await validator.validate(token).catch(() => undefined);
        if (answer?.userId !== userId) failed += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await waitUntil("checks run", () => checks > 20);
    if (mode === "local") await other.stop();
    const soFar = checks;
    await waitUntil("more checks ran", () => checks > soFar + 200);
    isOver = true;
    await client;
    expect(failed).toBe(0);
  }
});
