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
  if (did("lose", "hold", "suspend", "clear storage", "storage fails", "refuse cookies")) {
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
        browser.kind.mode === "cookie" &&
        (browser.server.sessions.at(-1) !== session ||
          // Nor has the browser the cookies of a session that it refused.
          steps.some((step) => step.do === "refuse cookies"));
      if (type === "ended" && !session?.ended && !allowed.has(code) && !isOverwritten) {
        throw new Error(`page ${index} ended ${was.id}, which is live, for ${code}`);
      }
    }
  });
}

/** How often a step may cause a refresh itself, or make another one fail and be repeated. */
const REFRESHES: Partial<Record<Step["do"], number>> = {
  login: 1,
  logout: 1,
  refresh: 1,
  adopt: 1,
  foreign: 1,
  lose: 2,
  end: 1,
  reload: 1,
  hold: 2,
  suspend: 2,
  "clear cookies": 1,
  "clear storage": 2,
  "refuse cookies": 2,
  "storage fails": 2,
};

/**
 * At most one refresh per access lifetime and browser, plus those that a step
 * has asked for or made necessary. Pages that share neither a lock nor a
 * storage cannot know of each other's, and count one by one.
 */
function checkRotations({ kind, server, pages }: ModelBrowser, steps: readonly Step[]): void {
  let seconds = 0;
  let allowed = 1;
  for (const step of steps) {
    seconds += step.do === "wait" ? Math.abs(step.seconds) : 1;
    allowed += REFRESHES[step.do] ?? 0;
  }
  // Pages exchange tokens over the channel if the storage refuses them.
  const canTell = kind.channel === "works" || !steps.some((step) => step.do === "storage fails");
  const isShared = kind.hasLocks && !kind.hasOtherApplication && canTell;
  const browsers = isShared ? 1 : Math.max(1, pages.length);
  // A refresh comes a minute ahead of the token's end.
  const most = Math.ceil(seconds / (LIFETIME - 60)) * browsers + allowed;
  if (server.rotations() > most) {
    throw new Error(`${server.rotations()} refreshes where ${most} would do`);
  }
}

function checkActs({ acts }: ModelBrowser): void {
  for (const { as, shown } of acts) {
    if (as !== shown) throw new Error(`acted as ${as} on a page that showed ${shown}`);
  }
}

/**
 * Whether the newest refresh token can have been lost to the whole browser for
 * longer than the grace time. A single lost answer cannot: the client asks
 * again within a second.
 */
function mayLoseTokens({ kind }: ModelBrowser, steps: readonly Step[]): boolean {
  const count = (...names: Step["do"][]) => steps.filter((step) => names.includes(step.do)).length;
  // What keeps the client from asking again in time.
  const isHindered =
    count("lose") > 1 ||
    count("offline", "foreign", "reload", "close", "storage fails", "end") > 0 ||
    steps.some((step) => step.do === "wait" && step.seconds < 0);
  if (count("lose") > 0 && isHindered) return true;
  // An answer that is held back for seconds is practically lost.
  let isHeld = false;
  let seconds = 0;
  for (const step of steps) {
    if (step.do === "hold" || step.do === "suspend") isHeld = true;
    if (isHeld && step.do === "wait") seconds += Math.abs(step.seconds);
  }
  if (seconds >= 4) return true;
  // Tokens that the storage refused are known to one page only.
  if (kind.mode === "bearer" && count("storage fails", "clear storage") > 0) return true;
  return count("refuse cookies") > 0;
}

/** A client that only ever sends the newest token of a browser must not be reported as a thief. */
function checkThefts(browser: ModelBrowser, steps: readonly Step[]): void {
  const { reuses } = browser.server;
  if (reuses.length > 0 && !mayLoseTokens(browser, steps))
    throw new Error(`ended as stolen: ${reuses}`);
}

/** Steps that are sure to ask the server. A refresh may find another page's tokens instead. */
const ASKS: readonly Step["do"][] = ["get", "post"];

/**
 * A revocation by the server is noticed at the next step that calls the server, within a second.
 *
 * @returns the check to be made after the step; undefined where the step cannot hear of it
 */
function expectNotice(browser: ModelBrowser, step: Step): (() => Promise<void>) | undefined {
  const { network, pages, server } = browser;
  if (!("page" in step) || !ASKS.includes(step.do)) return undefined;
  const page = pages[step.page % pages.length];
  const id = page?.manager.getSnapshot().session?.session_id;
  const isCertain =
    page !== undefined &&
    id !== undefined &&
    server.find(id)?.ended &&
    !network.isOffline &&
    network.loses === 0 &&
    network.foreign.length === 0 &&
    !network.refusesCookies &&
    // Nor does another page hold the lock, or answers of this one that are under way.
    pages.every(({ isHeld, isSuspended, waiting }) => !isHeld && !isSuspended && !waiting.length);
  if (!isCertain) return undefined;
  return async () => {
    const shows = () => page.manager.getSnapshot().session?.session_id === id;
    if (shows()) await vi.advanceTimersByTimeAsync(1000);
    if (shows()) throw new Error(`${id}, which has ended, is still shown after ${step.do}`);
  };
}

/** After recovery, each page soon has the state of the server. */
async function checkEnd(browser: ModelBrowser): Promise<void> {
  const { network, pages, server } = browser;
  network.isOffline = false;
  network.loses = 0;
  network.foreign.length = 0;
  network.refusesCookies = false;
  network.storageFails = false;
  for (const index of pages.keys()) {
    browser.resume(index);
    browser.release(index);
  }
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
      const checkNotice = expectNotice(browser, step);
      await doStep(browser, step);
      await checkNotice?.();
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
