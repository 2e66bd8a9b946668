import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readClientDefaults } from "../../../src/config/client_defaults.js";
import { readEnvironment } from "../../../src/config/environment.js";

describe("readEnvironment", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "curfew-env-"));
    file = join(folder, ".env");
    writeFileSync(file, '# mine\nGRPC_PORT=6000\nJWT_ISSUER="https://a.example" # end\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("the file fills in what the process was not given", () => {
    expect(readEnvironment({ GRPC_PORT: "7000" }, file)).toEqual({
      GRPC_PORT: "7000",
      JWT_ISSUER: "https://a.example",
    });
  });

  test("production does not read the file", () => {
    expect(readEnvironment({ NODE_ENV: "production" }, file)).toEqual({ NODE_ENV: "production" });
  });

  test("no file is fine", () => {
    expect(readEnvironment({ A: "1" }, join(folder, "none"))).toEqual({ A: "1" });
  });
});

describe("readClientDefaults", () => {
  test.each([
    [{}, "127.0.0.1:50051"],
    [{ GRPC_PORT: "6000", HOST: "0.0.0.0" }, "127.0.0.1:6000"],
    [{ GRPC_PORT: "rubbish" }, "127.0.0.1:50051"],
    [{ HOST: "::" }, "[::1]:50051"],
    [{ HOST: "10.1.2.3" }, "10.1.2.3:50051"],
    [{ CURFEW_TARGET: "curfew.internal:443", GRPC_PORT: "6000" }, "curfew.internal:443"],
  ])("%j is %s", (environment, target) => {
    expect(readClientDefaults(environment).target).toBe(target);
  });

  test("the token comes from CURFEW_TOKEN", () => {
    expect(readClientDefaults({ CURFEW_TOKEN: "cfs_x" }).token).toBe("cfs_x");
    expect(readClientDefaults({}).token).toBeUndefined();
  });
});
