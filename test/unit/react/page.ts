import { Window } from "happy-dom";
import { afterAll } from "vitest";
import { populateGlobal } from "vitest/runtime";

// A page around the tests, to be imported before React. Not vitest's own happy-dom
// environment: that also replaces `fetch`, and a cloned response of happy-dom's has no body.
const window = new Window({ url: "https://app.example/" });
const page = populateGlobal(globalThis, window, { bindFunctions: true });

afterAll(async () => {
  for (const key of page.keys) Reflect.deleteProperty(globalThis, key);
  for (const [key, value] of page.originals) Reflect.set(globalThis, key, value);
  await window.happyDOM.close();
});
