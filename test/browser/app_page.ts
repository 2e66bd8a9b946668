import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { BrowserContext, Page, Route } from "playwright-core";
import { PASSWORD } from "../support/service.js";
import type { ExampleStage } from "./example_stage.js";

/** An event in a page, as its manager reported it. */
export interface ToldEvent {
  readonly type: string;
  readonly code?: string;
  readonly isConfirmed?: boolean;
}

/** A bare page of an application with a SessionManager. */
export interface AppPage {
  readonly page: Page;
  /** Runs an expression of the page, with `manager` in scope, and resolves to its value. */
  run(expression: string): Promise<unknown>;
  /** The code that a call rejects with, else "ok". */
  codeOf(call: string): Promise<unknown>;
  login(username: string): Promise<unknown>;
  /** Status of a request with the session, or the code it fails with. */
  request(path?: string, init?: object): Promise<unknown>;
  snapshot(): Promise<{
    status: string;
    session: { session_id: string; user_id: string } | null;
    error: { code: string } | null;
  }>;
  events(): Promise<readonly ToldEvent[]>;
  reload(): Promise<void>;
}

/** Serves a bare page and the client, as an application beside the API does. */
export const serveOtherApp = async (port: number, apiOrigin: () => string): Promise<Server> => {
  const server = createServer(async (request, response) => {
    if (!request.url?.startsWith("/assets/")) {
      return response.setHeader("content-type", "text/html").end(BLANK);
    }
    const script = await fetch(apiOrigin() + request.url);
    response.setHeader("content-type", "text/javascript").end(await script.text());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
};

const BLANK = "<!doctype html><title>app</title><button>any</button>";

/** Opens a bare page of an origin, of the API's by default, and a manager in it. */
export const openApp = async (
  stage: ExampleStage,
  device: BrowserContext,
  options: object = { mode: "cookie" },
  origin = stage.service.origin,
): Promise<AppPage> => {
  const page = await device.newPage();
  const api = stage.service.origin;
  // Another origin has a server of its own: browsers guard their way to this machine.
  if (origin === api) {
    await page.route("**/blank", (route) =>
      route.fulfill({ contentType: "text/html", body: BLANK }),
    );
  }
  // As text, for the test runner rewrites imports in functions.
  const start = `(async () => {
    // As on another host, whose pages cannot read the API's cookies.
    if (${origin !== api}) Object.defineProperty(document, "cookie", { get: () => "" });
    const { SessionManager } = await import("/assets/curfew-client.js");
    window.manager = new SessionManager("${api}/api/v1", ${JSON.stringify(options)});
    window.events = [];
    for (const type of ["login", "refresh", "logout", "ended", "changed", "delivered"]) {
      manager.on(type, ({ error, isConfirmed }) =>
        events.push({ type, ...(error && { code: error.code }), ...(type === "delivered" && { isConfirmed }) }));
    }
  })()`;
  const open = async () => {
    await page.goto(`${origin}/blank`);
    await page.evaluate(start);
  };
  const app: AppPage = {
    page,
    run: (expression) => page.evaluate(`(async () => ${expression})()`),
    codeOf: (call) => app.run(`${call}.then(() => "ok", (error) => error.code ?? String(error))`),
    async login(username) {
      for (let attempt = 1; ; attempt++) {
        const code = await app.codeOf(`manager.login("${username}", "${PASSWORD}")`);
        // On a busy machine the service may take longer than it allows itself.
        if (code !== "dependency_unavailable" || attempt === 5) return code;
      }
    },
    request: (path = "/auth/profile", init = {}) =>
      app.run(
        `manager.apiRequest("${api}/api/v1${path}", ${JSON.stringify(init)}).then((r) => r.status, (e) => e.code)`,
      ),
    snapshot: () => app.run("manager.getSnapshot()") as ReturnType<AppPage["snapshot"]>,
    events: () => app.run("events") as Promise<ToldEvent[]>,
    reload: open,
  };
  await open();
  return app;
};

/**
 * Sends a routed request and keeps its answer from the browser, cookies and all:
 * what sends it on the page's behalf would have kept them already.
 */
export const fetchUnseen = async (route: Route) => {
  const device = route.request().frame().page().context();
  const before = await device.cookies();
  const response = await route.fetch();
  await device.clearCookies();
  await device.addCookies(before);
  return response;
};

/** Holds the answer to the next request of a path back, cookies and all. */
export const holdAnswer = async (page: Page, path: string) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrive = () => {};
  const answered = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let isDelivered: Promise<void> = Promise.resolve();
  const handle = async (route: Route) => {
    const response = await fetchUnseen(route);
    arrive();
    isDelivered = released.then(() => route.fulfill({ response }));
    await isDelivered;
  };
  await page.route(path, handle, { times: 1 });
  return {
    /** The server has answered; the browser has not heard. */
    answered,
    async release() {
      release();
      await isDelivered;
    },
  };
};

/** Answers every request of a path in the server's place. */
export const answerInstead = (
  page: Page,
  path: string,
  status: number,
  body: string,
  type = "text/html",
) => page.route(path, (route) => route.fulfill({ status, body, contentType: type }));
