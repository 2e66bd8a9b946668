"use client";
import { useContext } from "react";
import { SessionContext, type SessionContextValue } from "./session_context.js";

/** The session of this browser. Throws outside a SessionProvider. */
export function useSession(): SessionContextValue {
  const value = useContext(SessionContext);
  if (value !== null) return value;
  throw new Error("useSession needs a <SessionProvider> around the component that calls it.");
}
