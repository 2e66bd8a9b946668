import { loadSettings } from "../src/config/load_settings.js";
import { localAdmin } from "../src/main.js";
import { findFreePort } from "../test/support/free_port.js";
import { type Child, cpuMicroseconds, startNode } from "./child.js";
import { median, note, report } from "./figures.js";
import { httpLoad } from "./http_load.js";
import { openStage } from "./stage.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const CONNECTIONS = 64;
const FORM = "application/x-www-form-urlencoded";
const BASELINE_SECRET = "bench secret of the introspecting client";

/** One server that introspects one token over and over for one client. */
interface Side {
  readonly child: Child;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Round {
  readonly perSecond: number;
  /** Processor time of the server, in microseconds. */
  readonly cpu: number;
  readonly failed: number;
}

const clientHeaders = (id: string, secret: string) => ({
  "content-type": FORM,
  authorization: `Basic ${Buffer.from(`${id}:${encodeURIComponent(secret)}`).toString("base64")}`,
});

const post = async (
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> => {
  const answer = await fetch(url, { method: "POST", body, headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
};

const measure = async ({ child, ...load }: Side): Promise<Round> => {
  const before = cpuMicroseconds(child.process.pid);
  const loaded = await httpLoad({ ...load, seconds: SECONDS, connections: CONNECTIONS });
  const used = cpuMicroseconds(child.process.pid) - before;
  // The second of warming up counts as much as the others.
  return { ...loaded, cpu: used / (loaded.perSecond * (SECONDS + 1)) };
};

const expectActive = async ({ url, body, headers }: Side): Promise<void> => {
  const { active } = await post(url, body, headers);
  if (active !== true) throw new Error(`${url} says that the token is not active`);
};

/** oidc-provider with a token of its own in the same Redis. */
const startBaseline = async (redisUrl: string): Promise<Side> => {
  const child = await startNode(["bench/oidc_provider.mjs", redisUrl], /port (\d+)/);
  const origin = `http://127.0.0.1:${child.match[1]}`;
  const headers = clientHeaders("bench", BASELINE_SECRET);
  const grant = await post(`${origin}/token`, "grant_type=client_credentials", headers);
  return {
    child,
    url: `${origin}/token/introspection`,
    body: `token=${grant.access_token}`,
    headers,
  };
};

/**
 * `POST /oauth/introspect` of `curfew serve` beside the introspection of `oidc-provider`,
 * one process each, both with Redis and a client that authenticates by Basic. Rounds take turns.
 */
export const benchIntrospect = async (): Promise<void> => {
  const httpPort = await findFreePort();
  const stage = await openStage({ HTTP_PORT: String(httpPort), SERVICE_AUTH: "key" });
  const { databaseUrl, redisUrl } = stage;
  let baseline: Side | undefined;
  try {
    baseline = await startBaseline(redisUrl);
    const settings = loadSettings({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
    const { text: key } = await localAdmin.createServiceKey(settings, {
      name: "bench",
      scopes: ["validate"],
    });
    const { accessToken } = await stage.login();
    const ours: Side = {
      child: stage.curfew,
      url: `http://127.0.0.1:${httpPort}/oauth/introspect`,
      body: `token=${accessToken}`,
      headers: clientHeaders("bench", key),
    };
    await expectActive(ours);
    await expectActive(baseline);
    const [own, other]: [Round[], Round[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      other.push(await measure(baseline));
      own.push(await measure(ours));
    }
    const ratios = own.map(({ perSecond }, i) => perSecond / (other[i]?.perSecond ?? Number.NaN));
    const baseRate = median(other.map(({ perSecond }) => perSecond));
    const cpu = (rounds: readonly Round[]) => median(rounds.map((round) => round.cpu)).toFixed(0);
    // The median of the pairs, and not the ratio of the medians.
    report("POST /oauth/introspect", median(ratios) * baseRate, baseRate, "requests/s", 3);
    note(`  ratio round by round: ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`);
    note(`  processor time per request: ours ${cpu(own)} µs, oidc-provider ${cpu(other)} µs`);
    note(`  failed requests: ${[...own, ...other].reduce((sum, { failed }) => sum + failed, 0)}`);
  } finally {
    await baseline?.child.stop();
    await stage.close();
  }
};
