"use client";
import { createContext } from "react";
import type {
  ApiRequestInit,
  LoginResult,
  LogoutResult,
  NetworkError,
  Session,
  SessionError,
  SessionManager,
  SessionStatus,
  User,
} from "../client/index.js";

/** What `useSession` gives. The functions stay the same from render to render. */
export interface SessionContextValue {
  /** Whether there is a session here; true before the user is loaded. */
  readonly isAuthenticated: boolean;
  /** `loading` while a server renders, and while an asynchronous store is read. */
  readonly status: SessionStatus;
  /** Null when signed out, and until the profile has been loaded. */
  readonly user: User | null;
  readonly session: Session | null;
  /** Why the session ended or the last login failed; null after the next success. */
  readonly error: SessionError | NetworkError | null;
  /** Signs in. Rejects as `SessionManager.login` does; the error is also in `error`. */
  readonly login: (username: string, password: string) => Promise<LoginResult>;
  /** Signs out, here at once. Never rejects. */
  readonly logout: () => Promise<LogoutResult>;
  /** `fetch` with the session's credentials. */
  readonly apiRequest: (url: string | URL | Request, options?: ApiRequestInit) => Promise<Response>;
  /** The manager itself, for events and everything rare. */
  readonly manager: SessionManager;
}

/** Filled by SessionProvider. */
export const SessionContext = createContext<SessionContextValue | null>(null);
