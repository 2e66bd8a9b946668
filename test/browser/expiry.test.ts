import { describe, expect, test } from "vitest";
import {
  type ExampleStage,
  isSignedOut,
  type Mode,
  setUpExample,
  submitSignIn,
} from "./example_stage.js";

const AWAY = "You were signed out because you were away.";

/** In both modes at a time, for these tests take the time that they are about. */
const inBothModes = (run: (mode: Mode) => Promise<void>) => async () => {
  await Promise.all([run("cookie"), run("bearer")]);
};

/** Signs in and waits for nothing more, for time is short. */
const signInBriefly = async (stage: ExampleStage, username: string, mode: Mode) => {
  const page = await stage.openTab(await stage.newDevice());
  await submitSignIn(page, username, mode);
  return page;
};

describe("inactivity of twelve seconds", () => {
  const stage = setUpExample({ SESSION_INACTIVITY_TIMEOUT_MINUTES: "0.2" });

  test(
    "is counted down, a use starts it anew, and at its end the page says why",
    inBothModes(async (mode) => {
      const { username, userId } = await stage.service.createUser();
      const page = await signInBriefly(stage, username, mode);
      const countdown = page.getByTestId("idle-countdown");
      // A sixth before the server: at most ten seconds are left.
      await countdown.getByText(/^00:0[1-8]$/).waitFor();
      expect(await countdown.getAttribute("data-soon")).toBe("true");
      await page.getByTestId("stay-signed-in").click();
      await countdown.getByText(/^00:(09|10)$/).waitFor();

      await isSignedOut(page, AWAY);
      const ends = () =>
        stage.service.query("SELECT end_reason FROM sessions WHERE user_id = $1", [userId]);
      await expect.poll(ends).toEqual([{ end_reason: "LOGOUT" }]);
    }),
  );
});

describe("a session that lives fifteen seconds", () => {
  const stage = setUpExample({ SESSION_MAX_LIFETIME_HOURS: "0.0042" });

  test(
    "is counted down and ends, however much it is used",
    inBothModes(async (mode) => {
      const { username } = await stage.service.createUser();
      const page = await signInBriefly(stage, username, mode);
      await page
        .getByTestId("maximum-countdown")
        .getByText(/^00:(0\d|1[0-6])$/)
        .waitFor();
      const stay = page.getByTestId("stay-signed-in");
      const message = page.getByTestId("message");
      const afterUse = async () => {
        await stay.click({ timeout: 500 }).catch(() => undefined);
        return message.textContent();
      };
      await expect
        .poll(afterUse, { timeout: 30_000, interval: 250 })
        .toBe("Your session has expired. Please sign in again.");
      await page.getByTestId("sign-in-form").waitFor();
    }),
  );
});

describe("a session that the server found idle", () => {
  const stage = setUpExample();

  test("is explained to the tab that comes back to it", async () => {
    const { username, userId } = await stage.service.createUser();
    const { accessToken, refreshToken } = await stage.service.signIn(username);
    await stage.service.query(
      "UPDATE sessions SET last_activity_at = now() - interval '1 day' WHERE user_id = $1",
      [userId],
    );
    const page = await stage.openTab(await stage.newDevice());
    await page.evaluate(
      (items) => {
        for (const [key, value] of items) localStorage.setItem(key, value);
      },
      [
        ["access_token", accessToken],
        ["refresh_token", refreshToken],
        ["curfew_example_mode", "bearer"],
      ] as const,
    );
    await page.reload();
    await isSignedOut(page, AWAY);
  });
});
