import { Window } from "happy-dom";
import { afterAll } from "vitest";
import { populateGlobal } from "vitest/runtime";

// A page around the tests, to be imported before React. Not vitest's own happy-dom
// environment: that also replaces `fetch`, and a cloned response of happy-dom's has no body.
const window = new Window({ url: "https://app.example/" });
populateGlobal(globalThis, window, { bindFunctions: true });

// The globals stay: React's scheduler still looks at `window` in its last turn.
afterAll(() => window.happyDOM.close());
