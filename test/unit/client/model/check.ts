import { vi } from "vitest";
import { type BrowserKind, createModelBrowser, type ModelBrowser } from "./browser.js";
import { LIFETIME } from "./server.js";
import { doStep, type Step } from "./steps.js";

const START = Date.parse("2026-01-01T00:00:00Z");

/** Revocations that a page may tell of although the server calls the session live, and what excuses them. */
function excuses(steps: readonly Step[]): ReadonlySet<string> {
  const did = (...names: Step["do"][]) => steps.some((step) => names.includes(step.do));
  const found = new Set(["session_inactivity_timeout"]);
  if (did("refuse cookies", "clear cookies")) {
    found.add("cookies_refused").add("credentials_missing");
  }
  // Tokens that were refused to the page, or are older than the grace time, are no longer the newest.
  if (did("lose", "hold", "clear storage", "refuse cookies")) {
    found.add("refresh_token_reused").add("refresh_token_invalid");
  }
  return found;
}

interface Shown {
  readonly id: string | undefined;
  readonly userId: string | undefined;
  readonly told: number;
}

const shownIn = (browser: ModelBrowser): Shown[] =>
  browser.pages.map(({ manager, events }) => {
    const { session } = manager.getSnapshot();
    return { id: session?.session_id, userId: session?.user_id, told: events.length };
  });

/** A session that the server calls live is never lost without an event that says why. */
function checkLosses(
  browser: ModelBrowser,
  before: readonly Shown[],
  steps: readonly Step[],
): void {
  const allowed = excuses(steps);
  shownIn(browser).forEach(({ id }, index) => {
    const was = before[index];
    const events = browser.pages[index]?.events.slice(was?.told) ?? [];
    if (was?.id === undefined || was.id === id) return;
    const types = events.map(({ type }) => type);
    if (types.includes("reload")) return;
    if (!types.some((type) => ["logout", "ended", "changed", "login"].includes(type))) {
      throw new Error(`page ${index} lost ${was.id} without an event: ${types}`);
    }
    for (const { type, code = "" } of events) {
      const session = browser.server.find(was.id);
      // In cookie mode the reason may be that of a later session, whose cookies the browser has.
      const isOverwritten =
        browser.kind.mode === "cookie" && browser.server.sessions.at(-1) !== session;
      if (type === "ended" && !session?.ended && !allowed.has(code) && !isOverwritten) {
        throw new Error(`page ${index} ended ${was.id}, which is live, for ${code}`);
      }
    }
  });
}

/** At most one refresh per access lifetime and browser, plus those that somebody or something asked for. */
function checkRotations(browser: ModelBrowser, steps: readonly Step[]): void {
  const elapsed = steps.reduce(
    (sum, step) => sum + (step.do === "wait" ? Math.abs(step.seconds) : 1),
    0,
  );
  const asked = steps.filter((step) =>
    [
      "refresh",
      "foreign",
      "adopt",
      "clear cookies",
      "lose",
      "refuse cookies",
      "reload",
      "logout",
      "login",
      "end",
      "clear storage",
      "hold",
    ].includes(step.do),
  ).length;
  const logins = browser.server.sessions.length;
  const due = Math.ceil(elapsed / (LIFETIME * 0.75)) * Math.max(1, browser.pages.length);
  const most = due + 2 * asked + logins + 2;
  if (browser.server.rotations() > most) {
    throw new Error(`${browser.server.rotations()} refreshes where ${most} would do`);
  }
}

function checkActs({ acts }: ModelBrowser): void {
  for (const { as, shown } of acts) {
    if (as !== shown) throw new Error(`acted as ${as} on a page that showed ${shown}`);
  }
}

/**
 * Whether answers of a page were held back for seconds. The page gives such a
 * request up and asks again, and what it is held back then is as good as lost.
 */
function holdsLong(steps: readonly Step[]): boolean {
  let isHeld = false;
  let seconds = 0;
  for (const step of steps) {
    if (step.do === "hold") isHeld = true;
    if (isHeld && step.do === "wait") seconds += Math.abs(step.seconds);
  }
  return seconds >= 4;
}

/** A client that only ever sends the newest token of a browser must not be reported as a thief. */
function checkThefts({ server }: ModelBrowser, steps: readonly Step[]): void {
  const losses: readonly Step["do"][] = [
    "lose",
    "refuse cookies",
    "clear cookies",
    "clear storage",
  ];
  const mayLose = steps.some((step) => losses.includes(step.do)) || holdsLong(steps);
  if (server.reuses.length > 0 && !mayLose) throw new Error(`ended as stolen: ${server.reuses}`);
}

/** When all is well again, each page soon knows what the server knows. */
async function checkEnd(browser: ModelBrowser): Promise<void> {
  const { network, pages, server } = browser;
  network.isOffline = false;
  network.loses = 0;
  network.foreign.length = 0;
  network.refusesCookies = false;
  pages.forEach((_, index) => void browser.release(index));
  browser.window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(20_000);
  let checked = 0;
  // Twice: the first may find another tab's session, which is over as well.
  for (const { manager } of [...pages, ...pages]) {
    const answer = manager
      .apiRequest("https://api.example/data", { method: "POST", body: "{}" })
      .then(
        ({ status }) => status,
        (error: { code?: string }) => error.code ?? String(error),
      );
    await vi.advanceTimersByTimeAsync(20_000);
    const status = await answer;
    const { session, status: shown } = manager.getSnapshot();
    if (shown === "loading")
      throw new Error("a page never finds out whether somebody is signed in");
    const isLive = session !== null && !server.find(session.session_id)?.ended;
    if (checked++ < pages.length) continue;
    if (shown === "authenticated" && !isLive)
      throw new Error(`a page keeps a session that is over (${status})`);
    if (
      shown === "authenticated" &&
      status !== 200 &&
      status !== "session_changed" &&
      status !== "credentials_missing"
    ) {
      throw new Error(`a signed-in page is answered ${status}`);
    }
  }
  checkActs(browser);
}

/** Runs the steps against the model, and throws at the first thing that must never be. */
export async function checkRun(kind: BrowserKind, steps: readonly Step[]): Promise<void> {
  vi.useFakeTimers({ now: START, toFake: ["Date", "setTimeout", "clearTimeout"] });
  const browser = createModelBrowser(kind);
  try {
    for (const [at, step] of steps.entries()) {
      const before = shownIn(browser);
      await doStep(browser, step);
      const done = steps.slice(0, at + 1);
      checkActs(browser);
      checkLosses(browser, before, done);
      checkThefts(browser, done);
      checkRotations(browser, done);
    }
    await checkEnd(browser);
  } finally {
    browser.close();
    vi.useRealTimers();
  }
}
