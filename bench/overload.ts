import pg from "pg";
import {
  LoginRequest,
  RefreshTokensRequest,
  RefreshTokensResponse,
  ValidateTokenRequest,
} from "../generated/curfew/v1/auth_service.js";
import { systemClock } from "../src/composition/core.js";
import { openKeyring } from "../src/crypto/keyring.js";
import { createRefreshTokenCodec } from "../src/crypto/refresh_token_codec.js";
import { openDatabase } from "../src/postgres/database.js";
import { postgresKeyStore } from "../src/postgres/key_store.js";
import { note, percentile } from "./figures.js";
import { insertLiveSessions } from "./live_sessions.js";
import { closedLoop, type Load, type Outcome, openLoop } from "./open_loop.js";
import { describeShares, measureShares } from "./processor_shares.js";
import { openStage, type Stage } from "./stage.js";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const SESSIONS = Number(process.env.BENCH_SESSIONS ?? 20_000);
const AT_ONCE = 16;
const FACTORS = [1, 2, 5, 10];
/** Validations a second beside the load: enough for a p99, too few to be load themselves. */
const VALIDATIONS = 200;
const SERVICE = "/curfew.v1.AuthService";
const DEADLINE_MS = 10_000;

/** Refreshes of many sessions, each session one after the other. */
export const refreshes = async (stage: Stage): Promise<Load> => {
  const client = new pg.Client(stage.databaseUrl);
  await client.connect();
  const sessions = await insertLiveSessions(client, SESSIONS);
  await client.end();
  const database = openDatabase({
    connection: stage.databaseUrl,
    poolSize: 1,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
  const keyring = await openKeyring({
    store: postgresKeyStore(database),
    algorithm: "ES256",
    clock: systemClock(),
  });
  const codec = createRefreshTokenCodec(keyring);
  const tokens = sessions.map(({ sessionId }) => codec.mint({ sessionId, generation: 1 }));
  await database.destroy();
  return {
    port: stage.curfew.port,
    path: `${SERVICE}/RefreshTokens`,
    timeoutMs: DEADLINE_MS,
    next() {
      const refreshToken = tokens.shift();
      if (refreshToken === undefined) return undefined;
      return {
        message: RefreshTokensRequest.encode(
          RefreshTokensRequest.create({ refreshToken }),
        ).finish(),
        done: (answer) =>
          tokens.push(answer ? RefreshTokensResponse.decode(answer).refreshToken : refreshToken),
      };
    },
  };
};

const logins = (stage: Stage): Load => {
  const message = LoginRequest.encode(
    LoginRequest.create({ username: "admin", password: "bench administrator" }),
  ).finish();
  const next = () => ({ message, done: () => undefined });
  return { port: stage.curfew.port, path: `${SERVICE}/Login`, timeoutMs: DEADLINE_MS, next };
};

const validations = async (stage: Stage): Promise<Load> => {
  const { accessToken } = await stage.login();
  const message = ValidateTokenRequest.encode(
    ValidateTokenRequest.create({ accessToken }),
  ).finish();
  const next = () => ({ message, done: () => undefined });
  return { port: stage.curfew.port, path: `${SERVICE}/ValidateToken`, timeoutMs: 2000, next };
};

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

const p99 = ({ latencies }: Outcome): number => percentile(latencies, 0.99);

const countsOf = ({ statuses }: Outcome): string =>
  [...statuses].map(([status, count]) => `${status}: ${count}`).join(", ");

const measure = async (name: string, load: Load, validate: Load, stage: Stage): Promise<void> => {
  const pid = stage.curfew.process.pid;
  await closedLoop(load, AT_ONCE, SECONDS / 2);
  const taken = measureShares(pid);
  const capacity = await closedLoop(load, AT_ONCE, SECONDS);
  const shares = taken();
  const each = (share: number): string => ((1000 * share) / capacity).toFixed(2);
  note(
    `${name}: capacity ${capacity.toFixed(0)} a second, ${each(shares.server)} ms of the server's processor time each, ` +
      `${each(shares.client)} ms of the client's; ${describeShares(shares)}`,
  );
  for (const factor of FACTORS) {
    // Just before the load, since what else the machine does changes from minute to minute.
    const alone = p99(await openLoop(validate, VALIDATIONS, SECONDS));
    const takenBeside = measureShares(pid);
    const [outcome, beside] = await Promise.all([
      openLoop(load, factor * capacity, SECONDS),
      openLoop(validate, VALIDATIONS, SECONDS),
    ]);
    const { goodput, latencies } = outcome;
    note(
      `  ${factor}x: goodput ${(goodput / capacity).toFixed(2)} of the capacity, ` +
        `p50 ${ms(percentile(latencies, 0.5))}, p99 ${ms(p99(outcome))}; by status ${countsOf(outcome)}; ` +
        `ValidateToken p99 ${ms(p99(beside))} = ${(p99(beside) / alone).toFixed(1)} of ${ms(alone)} alone, by status ${countsOf(beside)}; ` +
        describeShares(takenBeside()),
    );
  }
};

/**
 * RefreshTokens and Login at multiples of their own capacity, with arrivals that do not wait for answers. Measures the
 * answers in time, the refusals of the rest, and the effect on ValidateToken (O1, O2).
 */
export const benchOverload = async (): Promise<void> => {
  const stage = await openStage({ LOG_LEVEL: process.env.BENCH_LOG_LEVEL ?? "info" });
  try {
    const validate = await validations(stage);
    await measure("RefreshTokens", await refreshes(stage), validate, stage);
    await measure("Login", logins(stage), validate, stage);
    note("  statuses are gRPC's: 0 OK, 4 DEADLINE_EXCEEDED, 8 RESOURCE_EXHAUSTED, 14 UNAVAILABLE");
    note("  client, server and both stores share the machine: see what each took of it");
  } finally {
    await stage.close();
  }
};
