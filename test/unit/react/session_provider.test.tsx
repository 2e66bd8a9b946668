import "./page.js";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SessionManager } from "../../../src/client/index.js";
import { createMemoryStore } from "../../../src/client/key_value_store.js";
import { SessionProvider } from "../../../src/react/index.js";
import { type SessionService, startSessionService } from "../client/session_service.js";
import { Screen } from "./screen.js";

let service: SessionService;
let complaints: ReturnType<typeof vi.spyOn>;
const managers: SessionManager[] = [];

beforeEach(async () => {
  service = await startSessionService();
  complaints = vi.spyOn(console, "error");
});
afterEach(async () => {
  cleanup();
  for (const manager of managers.splice(0)) manager.close();
  await service.close();
  // React reports misuse here: updates after unmount, unstable snapshots.
  expect(complaints).not.toHaveBeenCalled();
  complaints.mockRestore();
  localStorage.clear();
});

function openManager(storage = createMemoryStore()): SessionManager {
  const manager = new SessionManager(service.apiBaseUrl, { storage, locks: null });
  managers.push(manager);
  return manager;
}

const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const shows = (text: string) =>
  waitFor(() => expect(screen.getByRole("status").textContent).toBe(text), { timeout: 8000 });

describe("useSession", () => {
  test("follows login and logout", async () => {
    render(
      <SessionProvider manager={openManager()}>
        <Screen />
      </SessionProvider>,
    );
    await shows("unauthenticated false - -");
    press("Sign in");
    await shows("authenticated true ada -");
    press("Sign out");
    await shows("unauthenticated false - -");
    await vi.waitUntil(() => service.live().length === 0);
    expect(service.count("/auth/profile")).toBe(0);
  });

  test("shows why a login failed, until one succeeds", async () => {
    render(
      <SessionProvider manager={openManager()}>
        <Screen />
      </SessionProvider>,
    );
    press("Sign in wrongly");
    await shows("unauthenticated false - invalid_credentials");
    press("Sign in");
    await shows("authenticated true ada -");
  });

  test("shows why a session ended", async () => {
    render(
      <SessionProvider manager={openManager()}>
        <Screen />
      </SessionProvider>,
    );
    press("Sign in");
    await shows("authenticated true ada -");
    service.revokeSessions("session_inactivity_timeout");
    press("Load");
    await shows("unauthenticated false - session_inactivity_timeout");
  });

  test("loads the user of a session that was there before the page, and once in StrictMode", async () => {
    const storage = createMemoryStore();
    await openManager(storage).login("ada", "correct horse");
    render(
      <StrictMode>
        <SessionProvider manager={openManager(storage)}>
          <Screen />
        </SessionProvider>
      </StrictMode>,
    );
    await shows("authenticated true ada -");
    expect(service.count("/auth/profile")).toBe(1);
  });

  test("keeps the session when the profile cannot be loaded, and asks again after a refresh", async () => {
    const storage = createMemoryStore();
    await openManager(storage).login("ada", "correct horse");
    const manager = openManager(storage);
    service.answerNext("/auth/profile", service.problem(503, "dependency_unavailable"));
    render(
      <SessionProvider manager={manager}>
        <Screen />
      </SessionProvider>,
    );
    await shows("authenticated true - dependency_unavailable");
    await manager.refreshTokens();
    await shows("authenticated true ada -");
  });

  test("follows a session that another tab makes, with its user", async () => {
    const storage = createMemoryStore();
    const elsewhere = openManager(storage);
    render(
      <SessionProvider manager={openManager(storage)}>
        <Screen />
      </SessionProvider>,
    );
    await shows("unauthenticated false - -");
    await elsewhere.login("ada", "correct horse");
    await shows("authenticated true ada -");
    await elsewhere.logout();
    await shows("unauthenticated false - -");
  });

  test("hears nothing after it is unmounted", async () => {
    const manager = openManager();
    const { unmount } = render(
      <SessionProvider manager={manager}>
        <Screen />
      </SessionProvider>,
    );
    const held = service.hold("/auth/login");
    press("Sign in");
    await held.arrived;
    unmount();
    held.release();
    await vi.waitUntil(() => manager.isAuthenticated);
  });

  test("says what is missing outside a provider", () => {
    complaints.mockImplementation(() => undefined);
    expect(() => render(<Screen />)).toThrow("useSession needs a <SessionProvider>");
    complaints.mockClear();
  });
});

describe("a provider that makes its own manager", () => {
  const own = () => (
    <StrictMode>
      <SessionProvider apiBaseUrl={service.apiBaseUrl} options={{ locks: null }}>
        <Screen />
      </SessionProvider>
    </StrictMode>
  );

  test("keeps it in localStorage, works in StrictMode and closes it when it goes", async () => {
    const { unmount } = render(own());
    press("Sign in");
    await shows("authenticated true ada -");
    expect(localStorage.getItem("access_token")).toMatch(/^access-s1/);
    const opened = vi.spyOn(BroadcastChannel.prototype, "close");
    unmount();
    expect(opened).toHaveBeenCalledOnce();
    opened.mockRestore();
    render(own());
    await shows("authenticated true ada -");
    press("Sign out");
    await shows("unauthenticated false - -");
    expect(localStorage.getItem("access_token")).toBeNull();
  });
});
