import { readFileSync } from "node:fs";
import { ValidateTokensRequest } from "../generated/curfew/v1/auth_service.js";
import { framesFile, openCrowd } from "./crowd.js";
import { note } from "./figures.js";
import { load } from "./load.js";

const SESSIONS = Number(process.env.BENCH_SESSIONS ?? 1_000_000);
const VALIDATED = Number(process.env.BENCH_VALIDATED ?? 200_000);
const A_CALL = 100;
const ROUNDS = 6;
const SECONDS = 8;
const MAX_MB = 400;

const residentMb = (pid: number | undefined): number =>
  (Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024) / 1e6;

/**
 * Resident memory of a replica (Linux) while there are a million live sessions in
 * Redis and Postgres, of which so many others are validated, at random, that
 * whatever the replica remembers is full.
 */
export const benchMillion = async (): Promise<void> => {
  const crowd = await openCrowd({ sessions: SESSIONS });
  try {
    const memory = await crowd.redis.info("memory");
    const used = Number(/used_memory:(\d+)/.exec(memory)?.[1]);
    note(
      `${SESSIONS} live sessions: Redis uses ${(used / 1e6).toFixed(0)} MB, ${(used / SESSIONS).toFixed(0)} bytes a session`,
    );
    note(
      `  a replica that was asked nothing: ${residentMb(crowd.curfew.process.pid).toFixed(0)} MB`,
    );
    const random = crowd.sessions
      .map((session) => ({ session, place: Math.random() }))
      .sort((a, b) => a.place - b.place)
      .slice(0, VALIDATED)
      .map(({ session }) => session);
    const tokens = await crowd.mint(random);
    const calls = Array.from({ length: VALIDATED / A_CALL }, (_, call) =>
      ValidateTokensRequest.encode({
        requests: tokens
          .slice(call * A_CALL, (call + 1) * A_CALL)
          .map((accessToken) => ({ accessToken, audience: "", skipActivity: false })),
      }).finish(),
    );
    const shape = { port: crowd.curfew.port, frames: framesFile(calls), mode: "calls" } as const;
    const path = "/curfew.v1.AuthService/ValidateTokens";
    const resident: number[] = [];
    let validations = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const result = await load({
        ...shape,
        path,
        connections: 4,
        streams: 2,
        window: 1,
        seconds: SECONDS,
      });
      validations += result.perSecond * A_CALL * (SECONDS + 1);
      resident.push(residentMb(crowd.curfew.process.pid));
    }
    const most = Math.max(...resident);
    note(
      `Memory of the replica after ${validations.toFixed(0)} validations of ${VALIDATED} sessions: ${resident.map((each) => each.toFixed(0)).join(" ")} MB (less than ${MAX_MB}: ${most < MAX_MB ? "met" : "SHORT"})`,
    );
  } finally {
    await crowd.close();
  }
};
