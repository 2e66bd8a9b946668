import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { createModelServer, type ModelAnswer } from "../../unit/client/model/server.js";
import type { Control, SiteState } from "./run_types.js";

/** So that no browser runs out of connections to a host, of which it has six. */
const MOST_HELD = 3;

const bundle = async (contents: string, resolveDir: string): Promise<string> => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: "ts" },
    bundle: true,
    // The package says that its modules have no side effects, which the driver has.
    ignoreAnnotations: true,
    write: false,
    format: "iife",
    target: "es2022",
  });
  return outputFiles[0]?.text ?? "";
};

const cookiesOf = ({ headers }: IncomingMessage): Map<string, string> =>
  new Map(
    (headers.cookie?.split("; ") ?? []).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );

const cookieText = (name: string, value: string | null): string =>
  `${name}=${value ?? ""}; Path=/; Secure; SameSite=Strict${name === "__Host-csrf" ? "" : "; HttpOnly"}${value === null ? "; Max-Age=0" : ""}`;

async function readBody(request: IncomingMessage): Promise<Record<string, string>> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? {} : JSON.parse(text);
}

/**
 * The model's server behind real HTTP, with the pages of the model. `/control`
 * is the hand of the test: it ends sessions, moves the server's clock and holds
 * answers back.
 */
export async function startModelSite() {
  const root = new URL("../../..", import.meta.url).pathname;
  const client = await bundle(
    'import { SessionManager } from "./src/client/index.ts"; window.SessionManager = SessionManager;',
    root,
  );
  const driver = await bundle('import "./test/browser/model/driver.ts";', root);
  const pages: Record<string, readonly [string, string]> = {
    "/": ["text/html", '<!doctype html><title>model</title><script src="/driver.js"></script>'],
    "/frame": ["text/html", '<!doctype html><script src="/client.js"></script>'],
    "/client.js": ["text/javascript", client],
    "/driver.js": ["text/javascript", driver],
  };
  let model = createModelServer();
  let acts: { as: string; shown: string | undefined }[] = [];
  const holding = new Set<string>();
  const held: { page: string; release: () => void }[] = [];

  const release = (page?: string) => {
    for (const one of held.filter((each) => page === undefined || each.page === page)) {
      held.splice(held.indexOf(one), 1);
      one.release();
    }
    if (page === undefined) holding.clear();
    else holding.delete(page);
  };
  const state = (): SiteState => ({
    sessions: model.sessions.map(({ id, userId, ended }) => ({ id, userId, ended })),
    acts,
    reuses: model.reuses,
    rotations: model.rotations(),
  });

  function control(request: IncomingMessage, order: Control): ModelAnswer {
    let cookies: [string, null][] = [];
    switch (order.do) {
      case "reset":
        release();
        model = createModelServer();
        acts = [];
        cookies = [...cookiesOf(request).keys()].map((name) => [name, null]);
        break;
      case "clear cookies":
        cookies = [...cookiesOf(request).keys()].map((name) => [name, null]);
        break;
      case "end":
        for (const session of model.sessions) session.ended ??= "access_token_blacklisted";
        break;
      case "jump":
        model.browserClockMoved(-order.seconds * 1000);
        break;
      case "hold":
        holding.add(String(order.page));
        break;
      case "release":
        release(order.page === undefined ? undefined : String(order.page));
        break;
      case "state":
        break;
    }
    return { status: 200, body: state(), cookies };
  }

  async function hold(page: string): Promise<void> {
    if (!holding.delete(page)) return;
    if (held.length >= MOST_HELD) held.shift()?.release();
    await new Promise<void>((resolve) => held.push({ page, release: resolve }));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "/", method = "GET", headers } = request;
    const [path = "/"] = url.split("?");
    const served = method === "GET" ? pages[path] : undefined;
    if (served) {
      const [type, text] = served;
      response.setHeader("cache-control", path.endsWith(".js") ? "max-age=3600" : "no-store");
      return void response.setHeader("content-type", type).end(text);
    }
    const body = await readBody(request);
    const shown = headers["x-model-shown"];
    const answer =
      path === "/control"
        ? control(request, body as unknown as Control)
        : model.answer(
            {
              method,
              path,
              headers: new Headers(headers as Record<string, string>),
              body,
              cookies: cookiesOf(request),
            },
            ({ userId }) => {
              if (method === "POST") acts.push({ as: userId, shown: shown as string | undefined });
            },
          );
    if (path !== "/control") await hold(String(headers["x-model-page"]));
    const type = answer.status < 400 ? "application/json" : "application/problem+json";
    response.statusCode = answer.status;
    response.setHeader("content-type", type);
    for (const [name, value] of Object.entries(answer.headers ?? {}))
      response.setHeader(name, value);
    const cookies = (answer.cookies ?? []).map(([name, value]) => cookieText(name, value));
    if (cookies.length > 0) response.setHeader("set-cookie", cookies);
    response.end(JSON.stringify(answer.body));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async close(): Promise<void> {
      release();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
