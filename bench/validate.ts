import {
  ValidateTokenRequest,
  ValidateTokenResponse,
} from "../generated/curfew/v1/auth_service.js";
import { type Child, cpuMicroseconds, startNode } from "./child.js";
import { median, note } from "./figures.js";
import { h2load, type LoadResult } from "./h2load.js";
import { reportPaired } from "./paired.js";
import { openStage } from "./stage.js";

/** Many and short, side by side: what else the machine does changes from second to second. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const SHAPE = { connections: 8, streams: 32, seconds: SECONDS };

/** ValidateToken, one worker, strict check on every call, beside a bare echo of the same sizes. */
export const benchValidate = async (): Promise<void> => {
  const stage = await openStage();
  const { accessToken } = await stage.login();
  const request = { accessToken, audience: "", skipActivity: false };
  const message = ValidateTokenRequest.encode(request).finish();
  const response = await new Promise<ValidateTokenResponse>((resolve, reject) =>
    stage.client.validateToken(request, (error, answer) =>
      error ? reject(error) : resolve(answer),
    ),
  );
  const responseBytes = ValidateTokenResponse.encode(response).finish().length;
  const echo = await startNode(
    ["--import", "tsx", "bench/echo_server.ts", String(responseBytes)],
    /port (\d+)/,
  );
  note(`request ${message.length} bytes, response ${responseBytes} bytes`);
  try {
    const ours: number[] = [];
    const bare: number[] = [];
    const oursCpu: number[] = [];
    const bareCpu: number[] = [];
    let failed = 0;
    let statements = 0;
    /** Processor time of a server for one call under load; the warm-up second counts as much as the others. */
    const cpuPerCall = async (child: Child, run: () => Promise<LoadResult>, into: number[]) => {
      const before = cpuMicroseconds(child.process.pid);
      const result = await run();
      const used = cpuMicroseconds(child.process.pid) - before;
      into.push(used / (result.perSecond * (SECONDS + 1)));
      return result;
    };
    for (let round = 0; round < ROUNDS; round++) {
      const echoed = await cpuPerCall(
        echo,
        () => h2load({ ...SHAPE, port: Number(echo.match[1]), path: "/bench.Echo/Echo", message }),
        bareCpu,
      );
      const before = await stage.statements();
      const path = "/curfew.v1.AuthService/ValidateToken";
      const validated = await cpuPerCall(
        stage.curfew,
        () => h2load({ ...SHAPE, port: stage.curfew.port, path, message }),
        oursCpu,
      );
      statements += (await stage.statements()) - before;
      bare.push(echoed.perSecond);
      ours.push(validated.perSecond);
      failed += validated.failed + echoed.failed;
    }
    reportPaired("ValidateToken", ours, bare, "calls/s", { atLeast: 0.9 });
    note(`  failed calls: ${failed}`);
    note(
      `  processor time per call: ${median(oursCpu).toFixed(1)} µs, echo ${median(bareCpu).toFixed(1)} µs`,
    );
    const validations = ours.reduce((sum, rate) => sum + rate * SECONDS, 0);
    note(
      `  Postgres transactions per 1,000 validations: ${((1000 * statements) / validations).toFixed(2)} (background only)`,
    );
    // h2load counts HTTP statuses only: see that answers are still good.
    await new Promise<void>((resolve, reject) =>
      stage.client.validateToken(request, (error) => (error ? reject(error) : resolve())),
    );
  } finally {
    await echo.stop();
    await stage.close();
  }
};
