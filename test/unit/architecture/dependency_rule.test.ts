import { describe, expect, test } from "vitest";
import { findForbiddenImports } from "./dependency_rule.js";
import { findImportCycle } from "./import_cycle.js";
import { findSpecifiers } from "./source_file.js";

describe("findSpecifiers", () => {
  test.each([
    ['import { a } from "./a.js";', ["./a.js"]],
    ['import type { A } from "./a.js";', ["./a.js"]],
    ['import {\n  a,\n  type B,\n} from "./a.js";', ["./a.js"]],
    ['import "./side_effect.js";', ["./side_effect.js"]],
    ['import a, * as b from "./a.js";', ["./a.js"]],
    ['export * from "./a.js";', ["./a.js"]],
    ['export { a } from "./a.js";\nexport type { B } from "./b.js";', ["./a.js", "./b.js"]],
    ['const a = await import("./a.js");', ["./a.js"]],
    ['type A = import("./a.js").A;', ["./a.js"]],
    ['/**\n * import { a } from "./a.js";\n */\n// await import("./a.js")', []],
    ['export const name = "./a.js";', []],
    ['export const from = () => "./a.js";', []],
    ['export type Kind = "a" | "b";\nexport interface A {\n  kind: "a";\n}', []],
    ['export class A {\n  name = "A";\n}', []],
    ['export function a() {\n  return from("./a.js");\n}', []],
  ])("%j", (text, expected) => {
    expect(findSpecifiers({ path: "src/core/x.ts", text })).toEqual(expected);
  });
});

describe("the dependency rule", () => {
  function isForbidden(path: string, specifier: string): boolean {
    const text = `import type { A } from "${specifier}";`;
    return findForbiddenImports({ path, text }).length > 0;
  }

  test.each([
    ["src/core/login.ts", "./ports/clock.js"],
    ["src/postgres/session_store.ts", "../core/session.js"],
    ["src/redis/client.ts", "ioredis"],
    ["src/rpc/interceptors/errors.ts", "../../../generated/curfew/v1/user.js"],
    ["src/gateway/cookies.ts", "@grpc/grpc-js"],
    ["src/react/session_provider.tsx", "../client/session_manager.js"],
    ["src/cli/commands/serve.ts", "../../main.js"],
    ["src/main.ts", "./postgres/database.js"],
    ["src/composition/stores.ts", "../redis/client.js"],
  ])("allows %s %s", (path, specifier) => {
    expect(isForbidden(path, specifier)).toBe(false);
  });

  test.each([
    ["src/core/login.ts", "../crypto/keyring.js"],
    ["src/core/login.ts", "node:crypto"],
    ["src/core/login.ts", "pg"],
    ["src/postgres/session_store.ts", "../redis/client.js"],
    ["src/crypto/keyring.ts", "../postgres/database.js"],
    ["src/rpc/server.ts", "../postgres/database.js"],
    ["src/rpc/server.ts", "ioredis"],
    ["src/gateway/server.ts", "../rpc/status.js"],
    ["src/gateway/server.ts", "@electric-sql/pglite"],
    ["src/validator/remote.ts", "../core/session.js"],
    ["src/client/session.ts", "../../generated/curfew/v1/user.js"],
    ["src/client/session.ts", "node:crypto"],
    ["src/react/session_provider.tsx", "../core/session.js"],
    ["src/config/settings.ts", "../rpc/server.js"],
    ["src/cli/commands/serve.ts", "../../postgres/database.js"],
    ["src/rpc/server.ts", "../main.js"],
    ["src/core/login.ts", "../../test/support/postgres.js"],
    ["src/somewhere/new.ts", "./other.js"],
  ])("forbids %s %s", (path, specifier) => {
    expect(isForbidden(path, specifier)).toBe(true);
  });
});

describe("findImportCycle", () => {
  test("finds a ring, through types too", () => {
    const files = [
      { path: "src/a.ts", text: 'import { b } from "./b.js";' },
      { path: "src/b.ts", text: 'export * from "./sub/c.js";' },
      { path: "src/sub/c.tsx", text: 'import type { B } from "../b.js";' },
    ];

    expect(findImportCycle(files)).toBe("src/b → src/sub/c → src/b");
  });

  test("takes two ways to one file for no ring", () => {
    const files = [
      { path: "src/a.ts", text: 'import "./b.js";\nimport "./c.js";' },
      { path: "src/b.ts", text: 'import "./c.js";' },
      { path: "src/c.ts", text: "" },
    ];

    expect(findImportCycle(files)).toBeUndefined();
  });
});
