import { ValidateTokenResponse } from "../generated/curfew/v1/auth_service.js";
import { findFreePort } from "../test/support/free_port.js";
import { type Child, cpuMicroseconds, startNode } from "./child.js";
import { median, note, report } from "./figures.js";
import { httpLoad } from "./http_load.js";
import { openStage } from "./stage.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 11);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const CONNECTIONS = 64;

/** The result of a round for one side. */
interface Round {
  readonly perSecond: number;
  readonly cpuPerRequest: number;
  readonly failed: number;
}

/** The process of the HTTP server; its processor time is the cost of a request. */
interface Side {
  readonly child: Child;
  readonly url: string;
}

const measure = async ({ child, url }: Side, body: string): Promise<Round> => {
  const before = cpuMicroseconds(child.process.pid);
  const { perSecond, failed } = await httpLoad({
    url,
    body,
    seconds: SECONDS,
    connections: CONNECTIONS,
  });
  const used = cpuMicroseconds(child.process.pid) - before;
  // The warm-up second counts as much as the others.
  return { perSecond, failed, cpuPerRequest: used / (perSecond * (SECONDS + 1)) };
};

/** Starts `curfew gateway`, as it is built in dist, in front of a service. */
const startGateway = async (servicePort: number): Promise<Child> =>
  startNode(["dist/src/cli/main.js", "gateway"], /"port":(\d+)/, {
    HOST: "127.0.0.1",
    HTTP_PORT: String(await findFreePort()),
    GATEWAY_TARGET: `127.0.0.1:${servicePort}`,
  });

const answerOf = async (url: string, body: string): Promise<string> => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return text;
};

/**
 * `POST /auth/validate` of `curfew gateway`, in its own process before a service in another, beside a bare Fastify
 * route before a bare grpc-js echo: the same two hops and answers of the same size, without the work of a gateway.
 * Rounds are short and alternate, so that a noisy machine affects both alike.
 */
export const benchGateway = async (): Promise<void> => {
  const stage = await openStage();
  const children: Child[] = [];
  const started = async (child: Promise<Child>): Promise<Child> => {
    children.push(await child);
    return child;
  };
  try {
    const { accessToken } = await stage.login();
    const body = JSON.stringify({ access_token: accessToken });
    const gateway = await started(startGateway(stage.curfew.port));
    const url = `http://127.0.0.1:${gateway.match[1]}/auth/validate`;
    const answer = await answerOf(url, body);
    const bytes = ValidateTokenResponse.encode(
      await new Promise<ValidateTokenResponse>((resolve, reject) =>
        stage.client.validateToken(
          { accessToken, audience: "", skipActivity: false },
          (error, validated) => (error ? reject(error) : resolve(validated)),
        ),
      ),
    ).finish().length;
    const echo = await started(
      startNode(["--import", "tsx", "bench/echo_server.ts", String(bytes)], /port (\d+)/),
    );
    const fastify = await started(
      startNode(
        ["--import", "tsx", "bench/fastify_echo.ts", `127.0.0.1:${echo.match[1]}`, answer],
        /port (\d+)/,
      ),
    );
    const sides = {
      bare: { child: fastify, url: `http://127.0.0.1:${fastify.match[1]}/echo` },
      ours: { child: gateway, url },
    };
    note(`request ${body.length} bytes of JSON, answer ${answer.length}`);

    const bare: Round[] = [];
    const ours: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await measure(sides.bare, body));
      ours.push(await measure(sides.ours, body));
    }
    const ratios = ours.map(({ perSecond }, i) => perSecond / (bare[i]?.perSecond ?? Number.NaN));
    const rate = (rounds: readonly Round[]) => median(rounds.map(({ perSecond }) => perSecond));
    const cpu = (rounds: readonly Round[]) =>
      median(rounds.map(({ cpuPerRequest }) => cpuPerRequest));
    // The median of the pairs, and not the ratio of the medians.
    report("POST /auth/validate", median(ratios) * rate(bare), rate(bare), "requests/s", 0.7);
    note(`  ratio round by round: ${ratios.map((ratio) => ratio.toFixed(3)).join(" ")}`);
    note(
      `  processor time per request: gateway ${cpu(ours).toFixed(1)} µs, bare Fastify ${cpu(bare).toFixed(1)} µs, ratio ${(cpu(bare) / cpu(ours)).toFixed(3)}`,
    );
    const failed = [...bare, ...ours].reduce((sum, round) => sum + round.failed, 0);
    note(`  failed requests: ${failed}`);
  } finally {
    for (const child of children.reverse()) await child.stop();
    await stage.close();
  }
};
