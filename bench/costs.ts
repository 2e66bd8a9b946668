import { cpuMicroseconds } from "./child.js";
import { note, percentile } from "./figures.js";
import { openStage, type Stage } from "./stage.js";

const WARM_UP = 300;
const OPERATIONS = Number(process.env.BENCH_OPERATIONS ?? 1000);
const AT_ONCE = 4;

const refresh = (stage: Stage, refreshToken: string): Promise<string> =>
  new Promise((resolve, reject) =>
    stage.client.refreshTokens({ refreshToken, language: "" }, (error, answer) =>
      error ? reject(error) : resolve(answer.refreshToken),
    ),
  );

/** Runs `step` in some lanes at once, `count` times in all. Resolves to what each took, in milliseconds. */
const timed = async (
  count: number,
  step: (lane: number) => Promise<unknown>,
): Promise<number[]> => {
  const times: number[] = [];
  let left = count;
  const lane = async (number: number) => {
    while (left-- > 0) {
      const startedAt = performance.now();
      await step(number);
      times.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => lane(number)));
  return times;
};

/** Prints what one operation costs in processor time: of the server with its hashing, and of Postgres. */
const report = async (
  stage: Stage,
  name: string,
  step: (lane: number) => Promise<unknown>,
): Promise<void> => {
  await timed(WARM_UP, step);
  const server = () => cpuMicroseconds(stage.curfew.process.pid);
  const before = server();
  const postgresBefore = await stage.postgresMicroseconds();
  const times = await timed(OPERATIONS, step);
  const postgres = (await stage.postgresMicroseconds()) - postgresBefore;
  note(
    `${name}: ${((server() - before) / OPERATIONS).toFixed(0)} µs of the server's processor, ${(postgres / OPERATIONS).toFixed(0)} µs of Postgres's; p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms, ${AT_ONCE} at once`,
  );
};

/** Measures the cost of a login and of a refresh, for docs/scale.md. It computes no ratio: login has its own bench. */
export const benchCosts = async (): Promise<void> => {
  const stage = await openStage();
  try {
    await report(stage, "Login, argon2id included", () => stage.login());
    const tokens = await Promise.all(
      Array.from({ length: AT_ONCE }, async () => (await stage.login()).refreshToken),
    );
    await report(stage, "RefreshTokens", async (lane) => {
      tokens[lane] = await refresh(stage, tokens[lane] ?? "");
    });
  } finally {
    await stage.close();
  }
};
