import { hashesAtOnce } from "../src/composition/core.js";
import { createPasswordHasher } from "../src/crypto/password_hasher.js";
import { note } from "./figures.js";
import { reportPaired } from "./paired.js";
import { openStage } from "./stage.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const LOGINS = 100;
const WARM_UP_LOGINS = 400;
const AT_ONCE = 4;

/** Runs `work` `count` times, some at once. Resolves to how many a second. */
const rate = async (count: number, work: () => Promise<unknown>): Promise<number> => {
  let left = count;
  const startedAt = performance.now();
  const lane = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return (1000 * count) / (performance.now() - startedAt);
};

/** Login beside the argon2 check that it cannot do without, as many at once. */
export const benchLogin = async (): Promise<void> => {
  const stage = await openStage({ MAX_CONCURRENT_SESSIONS: "5" });
  const hasher = createPasswordHasher({ concurrency: hashesAtOnce(), maxWaitMs: 60_000 });
  const password = "bench administrator";
  const encoded = await hasher.hash(password);
  try {
    const ours: number[] = [];
    const raw: number[] = [];
    // Warm up first: one-time compilation and prepared statements are not part of the cost of a login.
    await rate(WARM_UP_LOGINS, () => stage.login());
    for (let round = 0; round < ROUNDS; round++) {
      raw.push(await rate(LOGINS, () => hasher.verify(password, encoded)));
      ours.push(await rate(LOGINS, () => stage.login()));
    }
    reportPaired("Login", ours, raw, "a second", { atLeast: 0.9 });
    note(`  ${hashesAtOnce()} hash(es) at once on both sides`);
    note(
      "  one user, who has 5 sessions: each login ends the oldest; client, server and both stores share the machine",
    );
  } finally {
    await stage.close();
  }
};
