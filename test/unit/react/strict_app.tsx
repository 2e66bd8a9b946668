import { StrictMode } from "react";
import type { SessionManager } from "../../../src/client/index.js";
import { SessionProvider } from "../../../src/react/index.js";
import { Screen } from "./screen.js";

// With the React it runs on, for a test to bundle with the React it is about.
export { version } from "react";
export { hydrateRoot } from "react-dom/client";
export { renderToString } from "react-dom/server";

/** A page as an application has it, in StrictMode. */
export const strictApp = (manager: SessionManager) => (
  <StrictMode>
    <SessionProvider manager={manager}>
      <Screen />
    </SessionProvider>
  </StrictMode>
);
