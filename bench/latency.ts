import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ValidateTokenRequest,
  ValidateTokenResponse,
} from "../generated/curfew/v1/auth_service.js";
import { startNode } from "./child.js";
import { note, percentile } from "./figures.js";
import { frame } from "./grpc_frames.js";
import { h2load } from "./h2load.js";
import { reportPaired } from "./paired.js";
import { openStage } from "./stage.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const CONNECTIONS = 8;

interface Target {
  readonly port: number;
  readonly path: string;
  readonly message: Uint8Array;
}

/** Sends calls at a steady rate, whether answers come or not. Resolves to the 99th percentile in milliseconds. */
const p99At = (target: Target, perSecond: number): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), "curfew-bench-"));
  const body = join(folder, "body");
  const log = join(folder, "log");
  writeFileSync(body, frame(target.message));
  const each = Math.max(1, Math.floor(perSecond / CONNECTIONS));
  const args = [
    ...["-n", String(each * CONNECTIONS * SECONDS), "-c", String(CONNECTIONS), "-m", "100"],
    ...["--rps", String(each), "-t", "1", "-d", body, `--log-file=${log}`],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
    `http://127.0.0.1:${target.port}${target.path}`,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn("h2load", args, { stdio: "ignore" });
    child.once("error", reject);
    child.once("close", () => {
      // Start, status, microseconds; the first tenth warms up.
      const times = readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => Number(line.split("\t")[2]) / 1000);
      resolve(percentile(times.slice(times.length / 10), 0.99));
    });
  });
};

/** ValidateToken's p99 at half of its own capacity, beside the echo's at half of its. */
export const benchLatency = async (): Promise<void> => {
  const stage = await openStage();
  const { accessToken } = await stage.login();
  const request = { accessToken, audience: "", skipActivity: false };
  const message = ValidateTokenRequest.encode(request).finish();
  const response = await new Promise<ValidateTokenResponse>((resolve, reject) =>
    stage.client.validateToken(request, (error, answer) =>
      error ? reject(error) : resolve(answer),
    ),
  );
  const echo = await startNode(
    [
      ...["--import", "tsx", "bench/echo_server.ts"],
      String(ValidateTokenResponse.encode(response).finish().length),
    ],
    /port (\d+)/,
  );
  const validate = {
    port: stage.curfew.port,
    path: "/curfew.v1.AuthService/ValidateToken",
    message,
  };
  const bare = { port: Number(echo.match[1]), path: "/bench.Echo/Echo", message };
  try {
    const capacity = async (target: Target): Promise<number> => {
      const shape = { ...target, seconds: SECONDS, connections: CONNECTIONS, streams: 16 };
      return (await h2load(shape)).perSecond;
    };
    const bareCapacity = await capacity(bare);
    const validateCapacity = await capacity(validate);
    note(
      `capacity: ${validateCapacity.toFixed(0)} calls/s, echo ${bareCapacity.toFixed(0)} calls/s; load: half of it, paced`,
    );
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await p99At(bare, bareCapacity / 2));
      ours.push(await p99At(validate, validateCapacity / 2));
    }
    reportPaired("p99 of ValidateToken at half load", ours, theirs, "ms", { atMost: 1.5 });
  } finally {
    await echo.stop();
    await stage.close();
  }
};
