import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import {
  isSignedIn,
  isSignedOut,
  refreshTokens,
  setUpExample,
  submitSignIn,
} from "./example_stage.js";

const stage = setUpExample();

/** Every text that a script of the page can get at. */
const scriptsReach = (page: Page): Promise<string> =>
  page.evaluate(() =>
    JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]),
  );

const TOKEN = /eyJ[\w-]+\.|cfr_/;

test("cookie mode: httpOnly, Secure, SameSite cookies of this very host, and no token for scripts", async () => {
  const { username } = await stage.service.createUser();
  const device = await stage.newDevice();
  const page = await stage.openTab(device);
  const login = page.waitForResponse("**/auth/login");
  await submitSignIn(page, username, "cookie");
  await isSignedIn(page);

  const { hostname } = new URL(stage.service.origin);
  const common = { domain: hostname, path: "/", secure: true, sameSite: "Strict" };
  const cookies = await device.cookies();
  expect(cookies.sort((a, b) => a.name.localeCompare(b.name))).toMatchObject([
    { name: "__Host-access", httpOnly: true, ...common },
    { name: "__Host-csrf", httpOnly: false, ...common },
    { name: "__Host-refresh", httpOnly: true, ...common },
  ]);
  const aDayLater = Date.now() / 1000 + (168 + 24) * 3600;
  for (const { expires } of cookies) expect(Math.abs(expires - aDayLater)).toBeLessThan(60);

  expect(await (await login).text()).not.toMatch(TOKEN);
  const reach = await scriptsReach(page);
  expect(reach).toContain("__Host-csrf=");
  expect(reach).not.toMatch(TOKEN);
});

test("cookie mode: a refresh renews the cookies and keeps tokens out of reach", async () => {
  const { username } = await stage.service.createUser();
  const page = await stage.signIn(username, "cookie");
  const device = page.context();
  const cookieOf = async (name: string) =>
    (await device.cookies()).find((cookie) => cookie.name === name)?.value;
  const [access, refresh] = [await cookieOf("__Host-access"), await cookieOf("__Host-refresh")];
  const answer = page.waitForResponse("**/auth/refresh");
  await refreshTokens(page, { mode: "cookie" });
  expect(await (await answer).text()).not.toMatch(TOKEN);
  expect(await cookieOf("__Host-access")).not.toBe(access);
  expect(await cookieOf("__Host-refresh")).not.toBe(refresh);
  expect(await scriptsReach(page)).not.toMatch(TOKEN);
  await page.reload();
  await isSignedIn(page);
});

test("cookie mode: a session whose cookies the user deleted is over, and the page says so", async () => {
  const { username } = await stage.service.createUser();
  const page = await stage.signIn(username, "cookie");
  await page.context().clearCookies();
  await page.getByTestId("stay-signed-in").click();
  await isSignedOut(page, "Your session is over. Please sign in again.");
});

test("cookie mode: signing out clears the cookies and the site's data", async () => {
  const { username } = await stage.service.createUser();
  const page = await stage.signIn(username, "cookie");
  const answer = page.waitForResponse("**/auth/logout");
  await page.getByTestId("sign-out").click();
  expect((await (await answer).allHeaders())["clear-site-data"]).toBe('"cookies", "storage"');
  await isSignedOut(page, "You have signed out.");
  expect(await page.context().cookies()).toEqual([]);
});

test("bearer mode sets no cookie", async () => {
  const { username } = await stage.service.createUser();
  const page = await stage.signIn(username, "bearer");
  expect(await page.context().cookies()).toEqual([]);
  expect(await scriptsReach(page)).toMatch(TOKEN);
  await page.getByTestId("sign-out").click();
  await isSignedOut(page, "You have signed out.");
  expect(await scriptsReach(page)).not.toMatch(TOKEN);
});
