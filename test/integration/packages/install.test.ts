import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findFreePort } from "../../support/free_port.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { type ServerProcess, startServerProcess } from "../../support/server_process.js";
import { installedPackages, installedSize } from "./installed.js";

/** Sets up a user's empty project with the published packages installed. */

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));
const MEGABYTE = 1_048_576;

const tarballs = makePrivateFolder("tarballs");

/** Packs one package of the checkout, and installs it alone into an empty project. */
const installAlone = async (folder: string): Promise<string> => {
  const packing = ["pack", "--json", "--pack-destination", tarballs];
  const { stdout } = await run("npm", packing, { cwd: join(root, folder) });
  const [{ filename } = { filename: "" }] = JSON.parse(stdout.slice(stdout.indexOf("["))) as {
    filename: string;
  }[];
  const project = makePrivateFolder("project");
  writeFileSync(join(project, "package.json"), '{"name":"empty","private":true,"type":"module"}\n');
  const installing = ["install", "--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", [...installing, join(tarballs, filename)], { cwd: project });
  return project;
};

/** Type-checks `source` in the project, under every module resolution that resolves `exports`. */
const checkTypes = async (project: string, source: string): Promise<void> => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  writeFileSync(join(project, "types.ts"), source);
  for (const [module, moduleResolution] of [
    ["node16", "node16"],
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    const options = { module, moduleResolution, target: "es2023", strict: true, noEmit: true };
    const compilerOptions = {
      ...options,
      lib: ["es2023", "dom"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    };
    const config = join(project, `tsconfig.${moduleResolution}.json`);
    writeFileSync(config, JSON.stringify({ compilerOptions, files: ["types.ts"] }));
    await run(process.execPath, [tsc, "-p", config], { cwd: project }).catch((error) => {
      throw new Error(`${moduleResolution}: ${error.stdout}`);
    });
  }
};

const runModule = async (project: string, source: string, env: NodeJS.ProcessEnv = {}) => {
  const file = join(project, "script.js");
  writeFileSync(file, source);
  return (await run(process.execPath, [file], { cwd: project, env: { ...process.env, ...env } }))
    .stdout;
};

/** One after the other: every packing builds the checkout first. */
let server: string;
let validator: string;
let client: string;
beforeAll(async () => {
  server = await installAlone(".");
  validator = await installAlone("packages/validator");
  client = await installAlone("packages/client");
}, 240_000);

describe("curfew", () => {
  let service: ServerProcess;
  let grpc: number;
  let http: number;
  beforeAll(async () => {
    [grpc, http] = [await findFreePort(), await findFreePort()];
    service = await startServerProcess({
      // As `npx curfew serve` runs it; npx itself does not pass signals on.
      command: join(server, "node_modules/.bin/curfew"),
      args: ["serve"],
      ready: /curfew is ready/,
      cwd: server,
      env: {
        ...{ PATH: process.env.PATH, HOME: process.env.HOME, METRICS_PORT: "0" },
        ...{ GRPC_PORT: String(grpc), HTTP_PORT: String(http) },
        ...{ BOOTSTRAP_ADMIN_USERNAME: "admin", BOOTSTRAP_ADMIN_PASSWORD: "four unrelated words" },
      },
    });
  }, 120_000);
  afterAll(() => service?.stop("SIGTERM"));

  const logIn = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${http}/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password: "four unrelated words" }),
    });
    const { access_token: token } = (await response.json()) as { access_token: string };
    return token;
  };

  test("serves, and its validator answers for the first token", async () => {
    const answer = await runModule(
      server,
      `import { createValidator } from "curfew/validator";
       const validator = createValidator({ targets: ["127.0.0.1:${grpc}"] });
       console.log((await validator.validate(process.env.TOKEN)).username);
       await validator.close();`,
      { TOKEN: await logIn() },
    );
    expect(answer).toBe("admin\n");
  });

  test("curfew-validator, installed elsewhere, answers for the same service", async () => {
    const answer = await runModule(
      validator,
      `import { createValidator } from "curfew-validator";
       const validator = createValidator({ targets: ["127.0.0.1:${grpc}"] });
       console.log((await validator.validate(process.env.TOKEN)).username);
       await validator.close();`,
      { TOKEN: await logIn() },
    );
    expect(answer).toBe("admin\n");
  });

  test("its main module is the gRPC interface", async () => {
    const answer = await runModule(
      server,
      `import { AuthServiceClient, AuthServiceService } from "curfew";
       console.log(typeof AuthServiceClient, AuthServiceService.validateToken.path);`,
    );
    expect(answer).toBe("function /curfew.v1.AuthService/ValidateToken\n");
  });
});

describe("curfew-validator", () => {
  test("brings at most 40 packages and 25 MiB", () => {
    expect(installedPackages(validator).length).toBeLessThanOrEqual(40);
    expect(installedSize(validator)).toBeLessThanOrEqual(25 * MEGABYTE);
  });

  test("has types under node16, nodenext and bundler", async () => {
    await checkTypes(
      validator,
      `import { createValidator, type ValidSession } from "curfew-validator";
       import { requireUser } from "curfew-validator/express";
       export const user = async (token: string): Promise<ValidSession> =>
         createValidator({ targets: ["localhost:50051"] }).validate(token);
       export const guard = requireUser;`,
    );
  });
});

describe("curfew-client", () => {
  test("brings no other package", () => {
    expect(installedPackages(client)).toEqual(["curfew-client"]);
  });

  test("has types under node16, nodenext and bundler", async () => {
    await checkTypes(
      client,
      `import { SessionManager } from "curfew-client";
       export const session = new SessionManager("/api/v1", { mode: "cookie" });`,
    );
  });

  test("is what curfew/client is, after bundling", async () => {
    const bundle = async (name: string, folder: string) => {
      const stdin = { contents: `export * from "${name}";`, resolveDir: folder };
      const options = { bundle: true, minify: true, write: false, format: "esm" } as const;
      return (await build({ stdin, ...options })).outputFiles[0]?.text;
    };
    expect(await bundle("curfew-client", client)).toBe(await bundle("curfew/client", server));
  });
});

test("all packages have the version of the server, and know their own manifest", () => {
  const manifestOf = (project: string, name: string) =>
    JSON.parse(readFileSync(join(project, "node_modules", name, "package.json"), "utf8")) as {
      version: string;
      exports: Record<string, unknown>;
    };
  const { version } = manifestOf(server, "curfew");
  for (const [project, name] of [
    [server, "curfew"],
    [validator, "curfew-validator"],
    [client, "curfew-client"],
  ] as const)
    expect(manifestOf(project, name)).toMatchObject({
      version,
      exports: { "./package.json": "./package.json" },
    });
});
