import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { SessionAdminService } from "../../generated/curfew/v1/session_admin.js";
import { isSignedIn, isSignedOut, setUpExample, submitSignIn } from "./example_stage.js";

const stage = setUpExample();

const devicesOf = (page: Page) => page.getByTestId("device");

/** Any next step of a user: the displayed data comes from the server. */
const askToStay = (page: Page) => page.getByTestId("stay-signed-in").click();

describe.each(["cookie", "bearer"] as const)("in %s mode", (mode) => {
  test("a wrong password is explained, the right one shows the profile", async () => {
    const { username } = await stage.service.createUser(["editor"]);
    const page = await stage.openTab(await stage.newDevice());
    await submitSignIn(page, username, mode, "wrong");
    await isSignedOut(page, "Username or password is incorrect");
    await submitSignIn(page, username, mode);
    await isSignedIn(page);
    expect(await page.getByTestId("profile-name").textContent()).toBe(username);
    expect(await page.getByTestId("profile-username").textContent()).toMatch(
      /roles: editor · here since /,
    );
    expect(await page.getByTestId("mode").textContent()).toBe(`${mode} session`);
  });

  test("a reload and a second tab stay signed in", async () => {
    const { username } = await stage.service.createUser();
    const page = await stage.signIn(username, mode);
    await page.reload();
    await isSignedIn(page);
    await isSignedIn(await stage.openTab(page.context()));
  });

  test("signing out ends the session, here, in the other tab and on the server", async () => {
    const { username, userId } = await stage.service.createUser();
    const page = await stage.signIn(username, mode);
    const other = await stage.openTab(page.context());
    await isSignedIn(other);
    await page.getByTestId("sign-out").click();
    await isSignedOut(page, "You have signed out.");
    await isSignedOut(other, "You signed out in another tab.");
    await expect
      .poll(() =>
        stage.service.query("SELECT end_reason FROM sessions WHERE user_id = $1", [userId]),
      )
      .toEqual([{ end_reason: "LOGOUT" }]);
    await submitSignIn(page, username, mode);
    await isSignedIn(page);
    await isSignedIn(other);
  });

  test("a device that is signed out from another one notices, and says why", async () => {
    const { username } = await stage.service.createUser();
    const lost = await stage.signIn(username, mode);
    const page = await stage.signIn(username, mode);
    await expect.poll(() => devicesOf(page).count()).toBe(2);
    const [current, foreign] = [devicesOf(page).first(), devicesOf(page).last()];
    expect(await current.getAttribute("data-current")).toBe("true");
    expect(await foreign.textContent()).toContain("127.0.0.1 · signed in just now");
    await foreign.getByTestId("revoke").click();
    await expect.poll(() => devicesOf(page).count()).toBe(1);
    // The keyboard focus continues where the device was.
    await page.locator("#devices-title:focus").waitFor();

    await askToStay(lost);
    await isSignedOut(lost, "You signed this device out from another one.");
    await askToStay(page);
    await isSignedIn(page);
  });
});

describe("in any mode", () => {
  test("all other devices can be signed out at once", async () => {
    const { username } = await stage.service.createUser();
    await stage.service.signIn(username, "phone");
    await stage.service.signIn(username, "tablet");
    const page = await stage.signIn(username, "cookie");
    await page.getByText("phone").waitFor();
    await page.getByTestId("revoke-others").click();
    await page.getByTestId("message").getByText("Signed out 2 devices.").waitFor();
    await expect.poll(() => devicesOf(page).count()).toBe(1);
  });

  test("a session that an administrator ended is explained, also after the page was closed", async () => {
    const { username, userId } = await stage.service.createUser();
    const page = await stage.signIn(username, "cookie");
    const device = page.context();
    await page.close();
    await stage.service.call(
      SessionAdminService.revokeUserSessions,
      { userId, exceptSessionId: "", note: "test" },
      stage.service.adminKey,
    );
    await isSignedOut(await stage.openTab(device), "An administrator signed you out.");
  });

  test("a session that made room for a newer one is explained", async () => {
    const { username } = await stage.service.createUser();
    const page = await stage.signIn(username, "cookie");
    for (let login = 0; login < 5; login++) await stage.service.signIn(username);
    await askToStay(page);
    await isSignedOut(page, "You signed in on another device, and this one made room for it.");
  });

  test("a server that cannot be reached signs nobody out", async () => {
    const { username } = await stage.service.createUser();
    const page = await stage.signIn(username, "cookie");
    await page.context().setOffline(true);
    await askToStay(page);
    await page.getByText("The server does not answer. You stay signed in.").waitFor();
    await page.context().setOffline(false);
    await askToStay(page);
    await page.reload();
    await isSignedIn(page);
  });
});
