import "./page.js";
import { act, cleanup, screen } from "@testing-library/react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { SessionManager } from "../../../src/client/index.js";
import { SessionProvider, useSession } from "../../../src/react/index.js";

afterEach(() => {
  cleanup();
  localStorage.clear();
});

function Screen() {
  const { status, user } = useSession();
  return <output>{`${status} ${user?.username ?? "-"}`}</output>;
}

test("the browser's first render agrees with the server's, then shows the session", async () => {
  localStorage.setItem("access_token", "a");
  localStorage.setItem("refresh_token", "r");
  const complaint = vi.spyOn(console, "error");
  const neverAnswers = () => new Promise<Response>(() => undefined);
  const manager = new SessionManager("https://api.example/v1", { fetch: neverAnswers });
  const page = (
    <SessionProvider manager={manager}>
      <Screen />
    </SessionProvider>
  );
  const container = document.createElement("div");
  document.body.append(container);
  container.innerHTML = renderToString(page);
  expect(container.textContent).toBe("loading -");
  const onRecoverableError = vi.fn();
  const root = await act(() => hydrateRoot(container, page, { onRecoverableError }));
  expect(screen.getByRole("status").textContent).toBe("authenticated -");
  expect(onRecoverableError).not.toHaveBeenCalled();
  expect(complaint).not.toHaveBeenCalled();
  act(() => root.unmount());
  manager.close();
  container.remove();
});
