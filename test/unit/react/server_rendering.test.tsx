import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider, useSession } from "../../../src/react/index.js";

afterEach(() => vi.unstubAllGlobals());

function Screen() {
  const { status, isAuthenticated, user } = useSession();
  return <output>{`${status} ${isAuthenticated} ${user?.username ?? "-"}`}</output>;
}

test("a server renders loading, and opens and asks nothing", () => {
  const opened = vi.fn();
  vi.stubGlobal("BroadcastChannel", opened);
  vi.stubGlobal("fetch", opened);
  expect(typeof document).toBe("undefined");
  const html = renderToString(
    <SessionProvider>
      <Screen />
    </SessionProvider>,
  );
  expect(html).toBe("<output>loading false -</output>");
  expect(opened).not.toHaveBeenCalled();
});
