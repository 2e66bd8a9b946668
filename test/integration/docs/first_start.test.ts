import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { findFreePort } from "../../support/free_port.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { type ServerProcess, startServerProcess } from "../../support/server_process.js";
import { startCurfew } from "../cli/curfew_process.js";
import { snippetsOf } from "./document.js";

/** Follows the steps of a user who has just cloned the repository: no setting is given but free ports. */

const run = promisify(execFile);
const path = (file: string): string => fileURLToPath(new URL(`../../../${file}`, import.meta.url));
const TSX = new URL("../../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;
/** A line of JSON, as there is no terminal; on one it is text (test/unit/cli). */
const FIRST_USER = /^\{.*"msg":"the first user was made; the password is not shown again"\}$/m;

const freePorts = async () => ({
  GRPC_PORT: String(await findFreePort()),
  HTTP_PORT: String(await findFreePort()),
  METRICS_PORT: "0",
});

const folder = makePrivateFolder("first-start");
let ports: Awaited<ReturnType<typeof freePorts>>;
let service: ServerProcess;

const start = (): Promise<ServerProcess> =>
  startServerProcess({
    command: process.execPath,
    args: ["--import", TSX, path("src/cli/main.ts"), "serve"],
    ready: /curfew is ready/,
    cwd: folder,
    env: { PATH: process.env.PATH, ...ports },
  });

/** Pastes it into a shell. Resolves to all that it prints, also when it fails. */
const paste = async (text: string): Promise<string> => {
  const here = text
    .replaceAll(":50051", `:${ports.GRPC_PORT}`)
    .replaceAll(":8000", `:${ports.HTTP_PORT}`)
    // The checkout has it: npx would fetch it.
    .replaceAll("npx --package @bufbuild/buf buf", "buf");
  const env = { HOME: folder, PATH: `${path("node_modules/.bin")}:${process.env.PATH}` };
  const { stdout } = await run("bash", ["-c", `exec 2>&1\n${here}\ntrue`], { cwd: folder, env });
  return stdout;
};

beforeAll(async () => {
  ports = await freePorts();
  service = await start();
}, 120_000);
afterAll(() => service?.stop("SIGKILL"));

const firstUserOf = (output: string): { password: string; sign_in?: string } =>
  JSON.parse(FIRST_USER.exec(output)?.[0] ?? "{}") as { password: string; sign_in?: string };
/** The access token of a login over REST or gRPC. */
const tokenOf = (output: string): string => {
  const login = JSON.parse(output) as { access_token?: string; accessToken?: string };
  return login.access_token ?? login.accessToken ?? "";
};
let password: string;

test("the first start prints a password and a line to paste, which signs in", async () => {
  const user = firstUserOf(service.output());
  password = user.password;
  expect(password.length).toBeGreaterThan(15);
  expect(tokenOf(await paste(user.sign_in ?? ""))).not.toBe("");
}, 60_000);

test("README: its lines, pasted one after the other, do what it says", async () => {
  const readme = readFileSync(path("README.md"), "utf8");
  const lines = snippetsOf(readme).filter(({ text }) => text.includes("curl "));
  expect(lines).toHaveLength(4);
  const [login = "", validate = "", logout = "", grpc = ""] = lines.map(({ text }) =>
    text.replaceAll("<the password that was printed>", password),
  );
  const accessToken = tokenOf(await paste(login));
  const withToken = (text: string) => text.replaceAll("<access token>", accessToken);
  expect(await paste(withToken(validate))).toContain('"username":"admin"');
  expect(await paste(withToken(logout))).toContain("Logged out successfully");
  expect(await paste(withToken(validate))).toContain("Access token has been revoked");
  expect(tokenOf(await paste(grpc))).not.toBe("");
}, 120_000);

test("a client that knows nothing but the address finds every method, and asks for health", async () => {
  const client = "buf curl --protocol grpc --http2-prior-knowledge";
  const methods = await paste(`${client} --list-methods http://127.0.0.1:50051`);
  expect(methods).toContain("curfew.v1.UserAdmin/UpdateUser\n");
  expect(methods).toContain("grpc.health.v1.Health/Check\n");
  expect(methods).not.toContain("Failure");
  const health = await paste(
    `${client} -d '{}' http://127.0.0.1:50051/grpc.health.v1.Health/Check`,
  );
  expect(JSON.parse(health)).toEqual({ status: "SERVING" });
}, 60_000);

test("what was signed in before a restart is so after it, and no other password is made", async () => {
  const login = JSON.stringify({ username: "admin", password });
  const ask = (method: string, request: string) =>
    paste(
      `buf curl --protocol grpc --http2-prior-knowledge -d '${request}' http://127.0.0.1:50051/curfew.v1.AuthService/${method}`,
    );
  const accessToken = tokenOf(await ask("Login", login));
  const question = JSON.stringify({ access_token: accessToken });
  await service.stop("SIGTERM");
  expect(service.output()).toContain('"msg":"stopped"');
  service = await start();
  expect(service.output()).not.toMatch(FIRST_USER);
  expect(await ask("ValidateToken", question)).toContain('"username": "admin"');
}, 120_000);

test("a first start that cannot have a port names the setting, and the password it has made", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(async () => {
    taken.close();
    await once(taken, "close");
  });
  const address = taken.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const environment = { ...(await freePorts()), HTTP_PORT: String(port) };
  const other = makePrivateFolder("taken-port");
  const { exitCode, output, errors } = await startCurfew(["serve"], environment, other).ended;
  expect(exitCode).toBe(1);
  expect(errors).toBe(
    `curfew: cannot listen on 127.0.0.1:${port} (the port is in use): stop what uses it, or set HTTP_PORT to another port\n`,
  );
  expect(firstUserOf(output).password.length).toBeGreaterThan(15);
}, 120_000);

test("bad settings: nothing starts, and one message lists all of them", async () => {
  const environment = {
    GRPC_PORT: "many",
    REDIS_URL: "http://localhost",
    SERVICE_AUTH: "none",
    HOST: "0.0.0.0",
  };
  const { exitCode, errors } = await startCurfew(["serve"], environment, folder).ended;
  expect(exitCode).not.toBe(0);
  expect(errors).toMatch(/^curfew: Curfew cannot start: 4 problems in its settings\.\n/);
  for (const name of Object.keys(environment)) expect(errors).toContain(name);
}, 60_000);
