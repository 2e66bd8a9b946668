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
    // The same token under a name that orders it among those that arrive late.
    { name: expect.stringMatching(/^__Host-refresh\.\w+\.0\.[\w-]+$/), httpOnly: true, ...common },
  ]);
  const aDayLater = Date.now() / 1000 + (168 + 24) * 3600;
  for (const { expires } of cookies) expect(Math.abs(expires - aDayLater)).toBeLessThan(60);

  expect(await (await login).text()).not.toMatch(TOKEN);
  const reach = await scriptsReach(page);
  expect(reach).toContain("__Host-csrf=");
  expect(reach).not.toMatch(TOKEN);
});

test("cookie mode: a refresh renews the cookies and keeps tokens invalidated in every cache", async () => {
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

test("cookie mode: signing out clears the session's cookies, and nothing of the application beside it", async () => {
  const { username } = await stage.service.createUser();
  const page = await stage.signIn(username, "cookie");
  await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noDocumentCookie: the cookie of another application
    document.cookie = "neighbour=kept; path=/";
    localStorage.setItem("neighbour", "kept");
    await new Promise((resolve, reject) => {
      const opening = indexedDB.open("neighbour", 1);
      opening.onsuccess = () => resolve(opening.result.close());
      opening.onerror = reject;
    });
  });
  const answer = page.waitForResponse("**/auth/logout");
  await page.getByTestId("sign-out").click();
  expect(await (await answer).allHeaders()).not.toHaveProperty("clear-site-data");
  await isSignedOut(page, "You have signed out.");
  expect((await page.context().cookies()).map(({ name }) => name)).toEqual(["neighbour"]);
  const kept = await page.evaluate(async () => [
    localStorage.getItem("neighbour"),
    ...(await indexedDB.databases()).map(({ name }) => name),
  ]);
  expect(kept).toEqual(["kept", "neighbour"]);
});

test("cookie mode: roles of any size leave cookies that the browser keeps", async () => {
  const roles = Array.from({ length: 64 }, (_, index) => `r${index}-`.padEnd(64, "x"));
  const { username } = await stage.service.createUser(roles);
  const page = await stage.signIn(username, "cookie");
  for (const { name, value } of await page.context().cookies()) {
    expect(name.length + value.length).toBeLessThan(1500);
  }
  await page.reload();
  await isSignedIn(page);
  await page.getByText(`roles: ${roles[0]}`).waitFor();
});

test("bearer mode sets no cookie", async () => {
  const { username } = await stage.service.createUser();
  const page = await stage.signIn(username, "bearer");
  expect(await page.context().cookies()).toEqual([]);
  expect(await scriptsReach(page)).toMatch(TOKEN);
  await page.getByTestId("sign-out").click();
  await isSignedOut(page, "You have signed out.");
  // The page keeps the token until the server has confirmed the logout.
  await expect.poll(() => scriptsReach(page), { timeout: 10_000 }).not.toMatch(TOKEN);
});
