import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type Binding, readBindings } from "../../../src/gateway/binding.js";
import { compileTemplate } from "../../../src/gateway/path_template.js";
import { ProblemError } from "../../../src/gateway/problem.js";
import { createRouteTable } from "../../../src/gateway/route_table.js";

const registry = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    readFileSync(new URL("../../../generated/descriptors.binpb", import.meta.url)),
  ),
);
const bindings = readBindings(registry);
const [first] = bindings;
if (!first) throw new Error("the descriptors have no annotation");
const at = (verb: string, path: string): Binding => ({
  ...first,
  verb,
  template: compileTemplate(path),
});

const caught = (run: () => unknown): ProblemError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("createRouteTable", () => {
  test("refuses two bindings of one method and path, whatever its variables are called", () => {
    expect(() =>
      createRouteTable([at("GET", "/a/{username}"), at("GET", "/a/{password}")]),
    ).toThrow("two methods are bound to GET /a/{password}");
  });

  test("takes one path with different variables for different methods", () => {
    const table = createRouteTable([at("GET", "/a/{username}"), at("PATCH", "/a/{password}")]);
    expect(table.find("PATCH", "/a/x").binding.template.source).toBe("/a/{password}");
    expect(table.allowed("/a/x")).toEqual(["GET", "PATCH", "HEAD", "OPTIONS"].sort(byVerb));
  });

  test("the most specific template decides", () => {
    const table = createRouteTable([
      at("GET", "/a/{username}"),
      at("GET", "/a/{username}:go"),
      at("GET", "/a/fixed"),
      at("GET", "/{username=**}"),
    ]);
    const source = (path: string) => table.find("GET", path).binding.template.source;
    expect(source("/a/fixed")).toBe("/a/fixed");
    expect(source("/a/x:go")).toBe("/a/{username}:go");
    expect(source("/a/x")).toBe("/a/{username}");
    expect(source("/b/c/d")).toBe("/{username=**}");
  });

  test("says 404 for a path, 405 for a method", () => {
    const table = createRouteTable([at("GET", "/a"), at("POST", "/a")]);
    expect(caught(() => table.find("GET", "/b")).status).toBe(404);
    const refused = caught(() => table.find("DELETE", "/a"));
    expect(refused.status).toBe(405);
    expect(refused.extras.allow).toEqual(["GET", "HEAD", "POST", "OPTIONS"]);
    expect(table.find("HEAD", "/a").binding.verb).toBe("GET");
  });
});

/** OPTIONS last, the rest in order. */
const byVerb = (a: string, b: string): number =>
  Number(a === "OPTIONS") - Number(b === "OPTIONS") || a.localeCompare(b);
