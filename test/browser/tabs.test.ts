import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { waitUntil } from "../support/wait_until.js";
import { isSignedIn, refreshTokens, setUpExample, submitSignIn } from "./example_stage.js";

const TABS = 20;
/** A minute before the access token expires. */
const UNTIL_REFRESH = "14:01";

const stage = setUpExample();

const refreshesSince = (start: Date) =>
  stage.service.query<{ type: string; count: number }>(
    `SELECT type, count(*)::int AS count FROM audit_events
     WHERE at >= $1 AND type IN ('REFRESHED', 'REFRESH_REUSED', 'SESSION_ENDED') GROUP BY type`,
    [start],
  );

/** A step of the user in each tab is answered. */
const allAreSignedIn = (pages: readonly Page[]) =>
  Promise.all(
    pages.map(async (page) => {
      const answer = page.waitForResponse("**/auth/activity");
      await page.getByTestId("stay-signed-in").click();
      expect((await answer).status()).toBe(200);
      await isSignedIn(page);
    }),
  );

test.each(["cookie", "bearer"] as const)(
  "R2: 20 tabs in %s mode refresh at once, and nobody is signed out",
  async (mode) => {
    const { username } = await stage.service.createUser();
    const device = await stage.newDevice();
    await device.clock.install();
    const first = await stage.openTab(device);
    await submitSignIn(first, username, mode);
    await isSignedIn(first);
    const others = await Promise.all(Array.from({ length: TABS - 1 }, () => stage.openTab(device)));
    await Promise.all(others.map(isSignedIn));
    const pages = [first, ...others];

    // The timers of all tabs are due at the same moment: one tab refreshes for all.
    const start = new Date();
    await device.clock.fastForward(UNTIL_REFRESH);
    await waitUntil("a tab has refreshed", async () => (await refreshesSince(start)).length > 0);
    await allAreSignedIn(pages);
    const [together, ...rest] = await refreshesSince(start);
    expect(rest).toEqual([]);
    expect(together?.type).toBe("REFRESHED");
    expect(together?.count).toBeLessThan(TABS / 4);

    // Tabs that cannot coordinate all refresh: the grace time gives them the same successor, and a tab that comes after
    // that successor's own exchange is refused with the reason (R3) and takes over the tokens of the others.
    const again = new Date();
    await Promise.all(pages.map((page) => refreshTokens(page, { mode, locks: null })));
    const apart = (await refreshesSince(again)).map(({ type }) => type);
    expect(apart).toContain("REFRESHED");
    expect(apart).not.toContain("SESSION_ENDED");
    await allAreSignedIn(pages);
  },
);
