// curfew/react: the session as a React hook. Depends on react (18 or 19) and ../client alone.
export type { SessionContextValue } from "./session_context.js";
export { SessionProvider, type SessionProviderProps } from "./session_provider.js";
export { useSession } from "./use_session.js";
