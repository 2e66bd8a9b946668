import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { launchBrowser } from "../support/chromium.js";
import { PASSWORD, startTestService, type TestService } from "../support/service.js";

/** The keeper of the tokens. */
export type Mode = "cookie" | "bearer";

/** A real browser in front of a whole service, which serves the example. */
export interface ExampleStage {
  readonly service: TestService;
  /** A browser profile of its own: another device. Closed after the test. */
  newDevice(): Promise<BrowserContext>;
  /** Opens the example in one more tab. */
  openTab(device: BrowserContext): Promise<Page>;
  /** Opens the example on a new device and signs in. */
  signIn(username: string, mode: Mode): Promise<Page>;
}

/** For one step, on a machine with more to do. */
const WAIT_MILLISECONDS = 20_000;
/** For a test, of 20 tabs for example. */
const TEST_MILLISECONDS = 90_000;

/** Fills in the form. */
export const submitSignIn = async (
  page: Page,
  username: string,
  mode: Mode,
  password = PASSWORD,
): Promise<void> => {
  await page.getByTestId("username").fill(username);
  await page.getByTestId("password").fill(password);
  await page.getByTestId(`mode-${mode}`).check();
  await page.getByTestId("sign-in").click();
};

/** Resolves when the page shows data that only the server can supply to a signed-in user. */
export const isSignedIn = (page: Page): Promise<void> =>
  page.getByTestId("device").first().waitFor();

/** Resolves when the page shows the form and says this above it. */
export const isSignedOut = async (page: Page, message: string): Promise<void> => {
  await page.getByTestId("sign-in-form").waitFor();
  await page.getByTestId("message").getByText(message, { exact: true }).waitFor();
};

/**
 * Refreshes with a manager of its own, as another application in the page would,
 * and again where the service is too busy.
 *
 * @param options of SessionManager, as JSON
 */
export const refreshTokens = (page: Page, options: object): Promise<void> =>
  // As text, for the test runner rewrites imports in functions.
  page.evaluate(`(async () => {
    const { SessionManager } = await import("/assets/curfew-client.js");
    const manager = new SessionManager("/api/v1", ${JSON.stringify(options)});
    for (let attempt = 1; ; attempt++) {
      try {
        await manager.refreshTokens();
        break;
      } catch (error) {
        if (!error.isTransient || attempt === 10) throw error;
      }
    }
    manager.close();
  })()`);

/** Starts browser and service for the tests of a file. An error that a page does not catch fails its test. */
export const setUpExample = (environment: Readonly<Record<string, string>> = {}): ExampleStage => {
  vi.setConfig({ testTimeout: TEST_MILLISECONDS });
  let service: TestService | undefined;
  let browser: Browser | undefined;
  let devices: BrowserContext[] = [];
  let pageErrors: string[] = [];

  beforeAll(async () => {
    [service, browser] = await Promise.all([startTestService(environment), launchBrowser()]);
  });
  afterEach(async () => {
    await Promise.all(devices.map((device) => device.close()));
    devices = [];
    const uncaught = pageErrors;
    pageErrors = [];
    expect(uncaught).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  const started = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error("The stage starts before the tests, in beforeAll.");
    return part;
  };
  const stage: ExampleStage = {
    get service() {
      return started(service);
    },
    async newDevice() {
      const device = await started(browser).newContext({ baseURL: stage.service.origin });
      device.setDefaultTimeout(WAIT_MILLISECONDS);
      device.on("weberror", (webError) => pageErrors.push(webError.error().message));
      devices.push(device);
      return device;
    },
    async openTab(device) {
      const page = await device.newPage();
      await page.goto("/example/");
      return page;
    },
    async signIn(username, mode) {
      const page = await stage.openTab(await stage.newDevice());
      await submitSignIn(page, username, mode);
      await isSignedIn(page);
      return page;
    },
  };
  return stage;
};
