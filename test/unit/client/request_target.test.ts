import { afterEach, describe, expect, test, vi } from "vitest";
import { createRequestTargets } from "../../../src/client/request_target.js";

const onPage = (href: string) => vi.stubGlobal("location", { href });
afterEach(() => vi.unstubAllGlobals());

describe("on the page's own origin", () => {
  test("relative URLs are taken as fetch takes them", () => {
    onPage("https://app.example/inbox/today");
    const targets = createRequestTargets("/api/v1/", []);
    expect(targets.api("auth/login")).toBe("https://app.example/api/v1/auth/login");
    expect(targets.resolve("/api/v1/auth/profile").href).toBe(
      "https://app.example/api/v1/auth/profile",
    );
    expect(targets.resolve("mail").href).toBe("https://app.example/inbox/mail");
  });
});

describe("on another origin than the page", () => {
  test("relative URLs are taken from the API's base", () => {
    onPage("https://app.example/inbox");
    const targets = createRequestTargets("https://api.example/v1", []);
    expect(targets.resolve("auth/profile").href).toBe("https://api.example/v1/auth/profile");
    expect(targets.resolve("/v2/x").href).toBe("https://api.example/v2/x");
  });

  test("the page's origin is no exception", () => {
    onPage("https://app.example/inbox");
    const targets = createRequestTargets("https://api.example/v1", []);
    expect(() => targets.resolve("https://app.example/data")).toThrow("https://app.example");
  });
});

test.each([
  "http://api.example/x",
  "https://api.example:8443/x",
  "https://api.example.evil.example/x",
  "https://api.example@evil.example/x",
  "//evil.example/x",
  "\\\\evil.example/x",
  "blob:https://api.example/1b9d6bcd",
  "data:text/plain,x",
  "javascript:0",
])("%s is a stranger", (url) => {
  const targets = createRequestTargets("https://api.example/v1", ["https://ok.example"]);
  expect(() => targets.resolve(url)).toThrow("does not send credentials");
});

test("an opaque base is refused, so that no two of them count as one origin", () => {
  const targets = createRequestTargets("file:///api", []);
  expect(() => targets.resolve("data:text/plain,x")).toThrow('apiBaseUrl: "file:///api/"');
});
