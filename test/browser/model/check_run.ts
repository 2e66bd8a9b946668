import type { RunKind, RunStep, RunTrace } from "./run_types.js";

/** Refreshes that a step may cause by itself, or make necessary; for each page where pages share no lock. */
const REFRESHES: Partial<Record<RunStep["do"], number>> = {
  login: 1,
  refresh: 1,
  logout: 1,
  adopt: 1,
  foreign: 1,
  jump: 1,
  lose: 2,
  hold: 2,
  reload: 1,
  "clear storage": 1,
  "clear cookies": 1,
  "storage fails": 2,
};

const count = (steps: readonly RunStep[], ...names: RunStep["do"][]) =>
  steps.filter((step) => names.includes(step.do)).length;

/**
 * Whether the newest refresh token can have been lost to a page for longer than
 * the grace time, which only a jump of the server's clock makes pass in a run.
 */
const mayLoseTokens = ({ mode }: RunKind, steps: readonly RunStep[]) =>
  count(steps, "jump") > 0 &&
  (count(steps, "lose", "hold") > 0 ||
    (mode === "bearer" && count(steps, "storage fails", "clear storage", "close") > 0));

/** Reasons of an `ended` event that a run excuses although the server calls the session live. */
function isExcused(code: string, kind: RunKind, steps: readonly RunStep[], id: string): boolean {
  if (code === "credentials_missing" || code === "cookies_refused")
    return count(steps, "clear cookies") > 0 || (kind.mode === "cookie" && id !== "");
  return /^refresh_token_/.test(code) && mayLoseTokens(kind, steps);
}

/** Returns the violations of a run; empty if there are none. */
export function violationsOf(
  kind: RunKind,
  steps: readonly RunStep[],
  run: RunTrace,
): readonly string[] {
  const wrong = run.steps.flatMap((step) => step.wrong);
  for (const { as, shown } of run.state.acts) {
    if (as !== shown) wrong.push(`acted as ${as} on a page that showed ${shown}`);
  }
  run.steps.forEach(({ pages, state }, at) => {
    for (const [index, { before, after, events }] of pages.entries()) {
      if (before === undefined || before === after) continue;
      const where = `step ${at}: page ${index}`;
      const types = events.map(({ type }) => type);
      if (types.includes("reload")) continue;
      if (types.length === 0) wrong.push(`${where} lost ${before} without an event`);
      const isLive = state.sessions.some(({ id, ended }) => id === before && ended === null);
      // In cookie mode the reason may be that of a later session, whose cookies the browser has.
      const isOverwritten = kind.mode === "cookie" && state.sessions.at(-1)?.id !== before;
      for (const { type, code = "" } of events) {
        if (type !== "ended" || !isLive || isOverwritten) continue;
        if (!isExcused(code, kind, steps.slice(0, at + 1), before))
          wrong.push(`${where} ended ${before}, which is live, for ${code}`);
      }
    }
  });
  const pages = kind.hasLocks && !kind.hasOtherApplication ? 1 : kind.pages;
  const asked = steps.reduce((sum, step) => sum + (REFRESHES[step.do] ?? 0), 1);
  const most = asked + count(steps, "jump") * (pages - 1);
  if (run.state.rotations > most)
    wrong.push(`${run.state.rotations} refreshes where ${most} would do`);
  if (run.state.reuses.length > 0 && !mayLoseTokens(kind, steps))
    wrong.push(`ended as stolen: ${run.state.reuses}`);
  for (const { status, session, answer } of run.end) {
    if (status === "loading") wrong.push("a page never finds out whether somebody is signed in");
    if (status !== "authenticated") continue;
    const isOver = run.state.sessions.some(({ id, ended }) => id === session && ended !== null);
    if (isOver) wrong.push(`a page keeps ${session}, which is over (${answer})`);
    if (![200, "session_changed", "credentials_missing"].includes(answer))
      wrong.push(`a signed-in page is answered ${answer}`);
  }
  return wrong;
}
