import { useSession } from "../../../src/react/index.js";

/** Shows a session and its actions, for tests to read and press. */
export function Screen() {
  const { status, isAuthenticated, user, error, login, logout, apiRequest } = useSession();
  return (
    <main>
      <output>{`${status} ${isAuthenticated} ${user?.username ?? "-"} ${error?.code ?? "-"}`}</output>
      <button type="button" onClick={() => void login("ada", "correct horse")}>
        Sign in
      </button>
      <button type="button" onClick={() => void login("ada", "wrong").catch(() => undefined)}>
        Sign in wrongly
      </button>
      <button type="button" onClick={() => void logout()}>
        Sign out
      </button>
      <button type="button" onClick={() => void apiRequest("data").catch(() => undefined)}>
        Load
      </button>
    </main>
  );
}
