import fc from "fast-check";
import { vi } from "vitest";
import type { BrowserKind, ModelBrowser } from "./browser.js";

/** What users, networks and servers do. */
export type Step =
  | { readonly do: "login"; readonly page: number; readonly user: string }
  | {
      readonly do:
        | "get"
        | "post"
        | "refresh"
        | "logout"
        | "reload"
        | "hold"
        | "release"
        | "suspend"
        | "resume"
        | "close"
        | "clear storage"
        | "adopt";
      readonly page: number;
    }
  | {
      readonly do:
        | "offline"
        | "online"
        | "lose"
        | "clear cookies"
        | "refuse cookies"
        | "allow cookies"
        | "wake"
        | "end"
        | "storage fails"
        | "storage works";
    }
  | { readonly do: "foreign"; readonly status: number }
  | { readonly do: "wait"; readonly seconds: number };

/** Any browser, whatever it lacks. */
export const anyBrowser: fc.Arbitrary<BrowserKind> = fc.record({
  mode: fc.constantFrom("cookie", "cookie", "bearer"),
  hasLocks: fc.boolean(),
  channel: fc.constantFrom("works", "works", "throws", "missing"),
  hasOtherApplication: fc.boolean(),
  pages: fc.integer({ min: 2, max: 4 }),
});

const page = fc.nat({ max: 3 });

/** Any step. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("login" as const),
      page,
      user: fc.constantFrom("ann", "bob"),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "get",
        "post",
        "post",
        "refresh",
        "logout",
        "reload",
        "hold",
        "release",
        "release",
        "suspend",
        "resume",
        "close",
        "clear storage",
        "adopt",
      ),
      page,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "offline",
        "online",
        "online",
        "lose",
        "clear cookies",
        "refuse cookies",
        "allow cookies",
        "wake",
        "end",
        "storage fails",
        "storage works",
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("foreign" as const),
      status: fc.constantFrom(200, 204, 302, 400, 401, 403, 404, 429, 500, 502, 503, 599),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      seconds: fc.constantFrom(1, 3, 8, 12, 60, 250, 310, 1000, -3600),
    }),
  },
);

/** Executes a step, and lets its consequences run for a moment. */
export async function doStep(browser: ModelBrowser, step: Step): Promise<void> {
  const { server, network, pages } = browser;
  const index = "page" in step ? step.page % pages.length : 0;
  const manager = pages[index]?.manager;
  // A suspended page does nothing of its own.
  const wakes: Step["do"][] = ["resume", "suspend", "release", "hold", "clear storage"];
  if (!manager || ("page" in step && pages[index]?.isSuspended && !wakes.includes(step.do))) return;
  browser.act(index);
  const quietly = (call: Promise<unknown>) => void call.catch(() => undefined);
  switch (step.do) {
    case "login":
      quietly(manager.login(step.user, "right"));
      break;
    case "get":
      quietly(manager.apiRequest("https://api.example/data"));
      break;
    case "post":
      quietly(manager.apiRequest("https://api.example/data", { method: "POST", body: "{}" }));
      break;
    case "refresh":
      quietly(manager.refreshTokens());
      break;
    case "logout": {
      const id = manager.getSnapshot().session?.session_id;
      const events = pages[index]?.events ?? [];
      const told = events.length;
      void manager.logout().then(({ isConfirmed }) => {
        const session = server.find(id);
        // A page that was closed learns first that another page has signed in since, and says so.
        const isAnother = events.slice(told).some(({ type }) => type === "changed");
        if (isConfirmed && session && !session.ended && !isAnother)
          browser.acts.push({ as: "nobody", shown: `a logout of ${id} that was confirmed` });
      });
      break;
    }
    case "adopt":
      quietly(manager.adoptSession());
      break;
    case "reload":
      browser.reload(index);
      break;
    case "hold": {
      const held = pages[index];
      if (held) held.isHeld = true;
      break;
    }
    case "release":
      browser.release(index);
      break;
    case "suspend":
      browser.suspend(index);
      break;
    case "resume":
      browser.resume(index);
      break;
    case "close":
      // The session stays; the next call opens it again.
      manager.close();
      break;
    case "storage fails":
      network.storageFails = true;
      break;
    case "storage works":
      network.storageFails = false;
      break;
    case "clear storage":
      browser.clearStorage(index);
      break;
    case "offline":
      network.isOffline = true;
      break;
    case "online":
      network.isOffline = false;
      browser.window.dispatchEvent(new Event("online"));
      break;
    case "lose":
      network.loses += 1;
      break;
    case "clear cookies":
      browser.jar.clear();
      break;
    case "refuse cookies":
      network.refusesCookies = true;
      break;
    case "allow cookies":
      network.refusesCookies = false;
      break;
    case "wake":
      browser.window.dispatchEvent(new Event("focus"));
      break;
    case "end":
      for (const session of server.sessions) session.ended ??= "access_token_blacklisted";
      break;
    case "foreign":
      network.foreign.push(step.status);
      break;
    case "wait":
      if (step.seconds < 0) {
        vi.setSystemTime(Date.now() + step.seconds * 1000);
        server.browserClockMoved(step.seconds * 1000);
      } else await vi.advanceTimersByTimeAsync(step.seconds * 1000);
      break;
  }
  await vi.advanceTimersByTimeAsync(20);
}
