import { readFileSync } from "node:fs";
import { ValidateTokenRequest } from "../generated/curfew/v1/auth_service.js";
import { note } from "./figures.js";
import { h2load } from "./h2load.js";
import { openStage } from "./stage.js";

const VALIDATIONS = 1_000_000;
const STEPS = 10;

const residentMiB = (pid: number | undefined): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Resident memory of one worker over a million validations (Linux). */
export const benchMemory = async (): Promise<void> => {
  const stage = await openStage();
  try {
    const { accessToken } = await stage.login();
    const message = ValidateTokenRequest.encode({
      accessToken,
      audience: "",
      skipActivity: false,
    }).finish();
    const path = "/curfew.v1.AuthService/ValidateToken";
    const resident: number[] = [];
    let done = 0;
    for (let step = 0; done < VALIDATIONS; step++) {
      const load = { port: stage.curfew.port, path, message, seconds: 7 };
      const { perSecond } = await h2load({ ...load, connections: 8, streams: 16 });
      done += perSecond * load.seconds;
      resident.push(residentMiB(stage.curfew.process.pid));
      if (step === 4 * STEPS) throw new Error("the machine is too slow for this bench");
    }
    note(
      `resident MiB over ${done.toFixed(0)} validations: ${resident.map((r) => r.toFixed(0)).join(" ")}`,
    );
    const half = resident.slice(resident.length >> 1);
    note(`  second half: ${(half[0] ?? 0).toFixed(0)} to ${(half.at(-1) ?? 0).toFixed(0)} MiB`);
  } finally {
    await stage.close();
  }
};
