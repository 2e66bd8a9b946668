"use client";
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import {
  type ApiRequestInit,
  SessionManager,
  type SessionManagerOptions,
  type SessionSnapshot,
} from "../client/index.js";
import { SessionContext, type SessionContextValue } from "./session_context.js";

/** Props of SessionProvider. */
export interface SessionProviderProps {
  /** A manager of the application's own. Without one the provider makes one and closes it. */
  readonly manager?: SessionManager;
  /** Where the API is. Read once. Default `/api/v1`. */
  readonly apiBaseUrl?: string;
  /** Options of the manager that the provider makes. Read once. */
  readonly options?: SessionManagerOptions;
  readonly children?: ReactNode;
}

/** A server knows no session: the first render in the browser says the same. */
const onServer: SessionSnapshot = { status: "loading", user: null, session: null, error: null };

/** Gives the components below it the session of this browser, and loads its user. */
export function SessionProvider(props: SessionProviderProps): ReactNode {
  const [own] = useState(
    () => props.manager ?? new SessionManager(props.apiBaseUrl ?? "/api/v1", props.options),
  );
  const manager = props.manager ?? own;
  const snapshot = useSyncExternalStore(manager.subscribe, manager.getSnapshot, () => onServer);
  const isOwn = props.manager === undefined;

  // React runs effects twice in StrictMode: a closed manager opens again when it is subscribed to.
  useEffect(() => {
    if (isOwn) return () => manager.close();
  }, [manager, isOwn]);

  const { status, user, session, error } = snapshot;
  const isAuthenticated = status === "authenticated";

  const lacksUser = status === "authenticated" && user === null;
  useEffect(() => {
    if (!lacksUser) return;
    // A failure is in the snapshot; the next tokens are a reason to try again.
    const load = () => void manager.loadProfile().catch(() => undefined);
    const stops = [manager.on("refresh", load), manager.on("login", load)];
    load();
    return () => {
      for (const stop of stops) stop();
    };
  }, [manager, lacksUser]);

  const calls = useMemo(
    () => ({
      manager,
      login: (username: string, password: string) => manager.login(username, password),
      logout: () => manager.logout(),
      apiRequest: (url: string | URL | Request, options?: ApiRequestInit) =>
        manager.apiRequest(url, options),
    }),
    [manager],
  );
  const value = useMemo<SessionContextValue>(
    () => ({ ...calls, isAuthenticated, status, user, session, error }),
    [calls, isAuthenticated, status, user, session, error],
  );
  return <SessionContext.Provider value={value}>{props.children}</SessionContext.Provider>;
}
