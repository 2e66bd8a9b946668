import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileTemplate } from "../../../src/gateway/path_template.js";

describe("compileTemplate", () => {
  test.each([
    ["/v1/users", "/v1/users", []],
    ["/v1/users/{id}", "/v1/users/u1", ["u1"]],
    ["/v1/users/{id}", "/v1/users/a%2Fb", ["a%2Fb"]],
    ["/v1/users/{user.user_id}", "/v1/users/u1", ["u1"]],
    ["/v1/users/{id}:unlock", "/v1/users/u1:unlock", ["u1"]],
    ["/v1/users/{id}:unlock", "/v1/users/a:b:unlock", ["a:b"]],
    ["/v1/users/{id}/sessions:revoke", "/v1/users/u1/sessions:revoke", ["u1"]],
    ["/v1/{name=shelves/*/books/*}", "/v1/shelves/1/books/2", ["shelves/1/books/2"]],
    ["/v1/{path=**}", "/v1/a/b/c", ["a/b/c"]],
    ["/v1/*/x", "/v1/any/x", []],
    ["/.well-known/jwks.json", "/.well-known/jwks.json", []],
  ])("%s matches %s", (template, path, variables) => {
    expect(compileTemplate(template).match(path)).toEqual(variables);
  });

  test.each([
    ["/v1/users/{id}", "/v1/users/"],
    ["/v1/users/{id}", "/v1/users/a/b"],
    ["/v1/users/{id}", "/v1/users/a/"],
    ["/v1/users/{id}:unlock", "/v1/users/u1"],
    ["/v1/users/{id}:unlock", "/v1/users/:unlock"],
    ["/v1/users:revoke", "/v1/users"],
    ["/.well-known/jwks.json", "/xwell-known/jwksxjson"],
    ["/v1/*/x", "/v1/a/b/x"],
  ])("%s does not match %s", (template, path) => {
    expect(compileTemplate(template).match(path)).toBeUndefined();
  });

  test.each([["v1/users"], ["/v1/{id"], ["/v1/id}"], ["/v1/{}"], ["/v1/{a b}"]])(
    "refuses %s",
    (template) => {
      expect(() => compileTemplate(template)).toThrow(/template/);
    },
  );

  test("templates of one shape are alike, whatever their variables are called", () => {
    expect(compileTemplate("/a/{x}").shape).toBe(compileTemplate("/a/{y.z}").shape);
    expect(compileTemplate("/a/{x}").shape).not.toBe(compileTemplate("/a/{x}:v").shape);
  });

  test("gives back any variable that is percent-encoded", () => {
    const template = compileTemplate("/users/{id}:unlock");
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (id) => {
        const encoded = encodeURIComponent(id);
        expect(template.match(`/users/${encoded}:unlock`)).toEqual([encoded]);
      }),
    );
  });
});
