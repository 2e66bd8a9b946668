import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { SessionAdminService } from "../generated/curfew/v1/session_admin.js";
import { createValidator, type Validator, ValidatorError } from "../src/validator/index.js";
import { startTcpProxy } from "../test/support/tcp_proxy.js";
import { waitUntil } from "../test/support/wait_until.js";
import { median, note, percentile, report } from "./figures.js";
import { openStage, type Stage } from "./stage.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const REVOKES = Number(process.env.BENCH_REVOKES ?? 200);
const CUTS = Number(process.env.BENCH_CUTS ?? 3);
const MAX_STALENESS = 1000;
const SESSIONS = 200;
const ISSUER = "https://bench.test";

const open = async (target: string): Promise<Validator> => {
  const validator = createValidator({
    targets: [target],
    mode: "local",
    issuer: ISSUER,
    maxStaleness: MAX_STALENESS,
    whenStale: "fail",
  });
  await validator.ready();
  return validator;
};

const learn = async (validator: Validator, token: string): Promise<void> => {
  await waitUntil("the token is judged here", async () => {
    if (validator.validateNow(token) !== undefined) return true;
    await validator.validate(token);
    return false;
  });
};

const isAccepted = (validator: Validator, token: string): boolean => {
  try {
    return validator.validateNow(token) !== undefined;
  } catch (error) {
    if (error instanceof ValidatorError) return false;
    throw error;
  }
};

/** As a request brings it: a new string each time, not one whose hash is known. */
const asReceived = (bytes: Buffer): string => bytes.toString("latin1");

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Checks a second of this process's processor time for `seconds`, with a turn of the event loop now and then, so that the feed is read. */
const throughput = async (validator: Validator, tokens: readonly Buffer[]): Promise<number> => {
  const from = performance.now();
  const used = process.cpuUsage();
  let checks = 0;
  let refused = 0;
  while (performance.now() - from < SECONDS * 1000) {
    for (let index = 0; index < 10_000; index += 1) {
      const token = asReceived(tokens[index % tokens.length] as Buffer);
      if (validator.validateNow(token) === undefined) refused += 1;
    }
    checks += 10_000;
    await turn();
    // Profiles are fetched in the background, but a session may need a question again.
    if (refused > 0) for (const token of tokens) await learn(validator, asReceived(token));
    refused = 0;
  }
  const { user, system } = process.cpuUsage(used);
  return (checks * 1e6) / (user + system);
};

/** Microseconds of single checks. */
const latencies = async (validator: Validator, tokens: readonly Buffer[]): Promise<number[]> => {
  const took: number[] = [];
  for (let round = 0; round < 20; round += 1) {
    for (const token of tokens) await learn(validator, asReceived(token));
    for (let index = 0; index < 10_000; index += 1) {
      const token = asReceived(tokens[index % tokens.length] as Buffer);
      const from = performance.now();
      validator.validateNow(token);
      took.push((performance.now() - from) * 1000);
    }
    await turn();
  }
  return took;
};

/**
 * On a busy machine Postgres may take longer than the service waits. A call that was refused for this reason had no
 * effect.
 */
const insist = async <T>(call: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if ((error as ServiceError).code !== status.UNAVAILABLE || attempt === 20) throw error;
    }
  }
};

const revoke = (stage: Stage, administrator: string, sessionId: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${administrator}`);
    const { path, requestSerialize, responseDeserialize } = SessionAdminService.revokeSession;
    stage.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { sessionId, note: "" },
      metadata,
      (error) => (error ? reject(error) : resolve()),
    );
  });

/** Milliseconds from the answer of a revoke until a validator refuses the token. */
const revocationDelays = async (stage: Stage, validator: Validator): Promise<number[]> => {
  const delays: number[] = [];
  const administrator = (await insist(stage.login)).accessToken;
  for (let index = 0; index < REVOKES; index += 1) {
    const { accessToken, session } = await insist(stage.login);
    await learn(validator, accessToken);
    await insist(() => revoke(stage, administrator, session?.sessionId ?? ""));
    const answered = performance.now();
    while (isAccepted(validator, accessToken)) await turn();
    delays.push(performance.now() - answered);
  }
  return delays;
};

/** The longest a token was accepted after its session ended behind a network that was cut or hung. */
const longestStale = async (stage: Stage): Promise<number> => {
  let longest = 0;
  const administrator = (await insist(stage.login)).accessToken;
  for (let index = 0; index < CUTS; index += 1) {
    const proxy = await startTcpProxy({ port: stage.curfew.port });
    const validator = await open(`127.0.0.1:${proxy.port}`);
    const { accessToken, session } = await insist(stage.login);
    await learn(validator, accessToken);
    if (index % 2 === 0) proxy.cut();
    else proxy.hang();
    await insist(() => revoke(stage, administrator, session?.sessionId ?? ""));
    const ended = performance.now();
    while (isAccepted(validator, accessToken)) await turn();
    longest = Math.max(longest, performance.now() - ended);
    proxy.restore();
    await validator.close();
    await proxy.close();
  }
  return longest;
};

/** curfew/validator in local mode: speed on one core, and how soon a revocation is known. */
export const benchValidator = async (): Promise<void> => {
  const stage = await openStage({ JWT_ISSUER: ISSUER });
  const validator = await open(`127.0.0.1:${stage.curfew.port}`);
  try {
    const tokens: Buffer[] = [];
    for (let index = 0; index < SESSIONS; index += 1) {
      const { accessToken } = await insist(stage.login);
      tokens.push(Buffer.from(accessToken));
      await learn(validator, accessToken);
    }
    await throughput(validator, tokens);
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rates.push(await throughput(validator, tokens));
    report("validator local mode, one core", median(rates), 500_000, "checks/s", 1);
    const took = await latencies(validator, tokens);
    const p99 = percentile(took, 0.99);
    note(
      `  one check: p50 ${percentile(took, 0.5).toFixed(2)} µs, p99 ${p99.toFixed(2)} µs (at most 20: ${p99 <= 20 ? "met" : "SHORT"})`,
    );
    const delays = await revocationDelays(stage, validator);
    const late = percentile(delays, 0.99);
    note(
      `revoke answered → refused by a local validator, ${delays.length} revokes: p50 ${median(delays).toFixed(1)} ms, p99 ${late.toFixed(1)} ms (at most 50: ${late <= 50 ? "met" : "SHORT"})`,
    );
    const stale = await longestStale(stage);
    note(
      `accepted after its end with the network cut or hung, ${CUTS} times: ${stale.toFixed(0)} ms at most (at most ${MAX_STALENESS}: ${stale <= MAX_STALENESS ? "met" : "SHORT"})`,
    );
  } finally {
    await validator.close();
    await stage.close();
  }
};
