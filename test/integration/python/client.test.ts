import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePrivateFolder } from "../../support/private_folder.js";
import { findPython, makePythonStubs, type PythonPrograms } from "../../support/python.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";

const CLIENT = fileURLToPath(new URL("client.py", import.meta.url));

let programs: PythonPrograms;
let service: TestService;
beforeAll(async () => {
  programs = findPython();
  service = await startTestService();
}, 300_000);
afterAll(() => service?.stop());

test("a client in Python, generated from the proto, makes the calls of every kind", {
  timeout: 120_000,
}, async () => {
  const folder = makePrivateFolder("python");
  makePythonStubs(programs, folder);
  const { username } = await service.createUser();
  const { stdout } = await promisify(execFile)(programs.python, [CLIENT], {
    timeout: 100_000,
    env: {
      PYTHONPATH: folder,
      PYTHONDONTWRITEBYTECODE: "1",
      CURFEW_TARGET: service.target,
      CURFEW_SERVICE_KEY: service.adminKey,
      LOGIN: username,
      PASSWORD,
    },
  });
  const dead = ["UNAUTHENTICATED", "ACCESS_TOKEN_BLACKLISTED", "Access token has been revoked"];
  expect(JSON.parse(stdout)).toEqual({
    profile: username,
    devices: [
      ["laptop", true],
      ["phone", false],
    ],
    recorded: 1,
    keys: ["ES256"],
    valid: username,
    batch: [username, "ACCESS_TOKEN_INVALID", username],
    stream: { a: "token", b: "error" },
    refresh: [true, true],
    active: 2,
    told: [true, true, "ADMIN"],
    ended: [...dead, "ADMIN"],
    explained: ["ACCESS_TOKEN_BLACKLISTED", "REVOKED"],
    events: ["USER_CREATED", "USER_UPDATED"],
    inactive: ["UNAUTHENTICATED", "USER_INACTIVE", expect.stringMatching(/Benutzer/), ""],
    logout: 1,
    after: [...dead, "LOGOUT"],
    no_key: ["UNAUTHENTICATED", "CREDENTIALS_MISSING", expect.any(String), ""],
  });
});
