import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findFreePort } from "../../support/free_port.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { redisUrlForFile } from "../../support/redis.js";
import { type ServerProcess, startServerProcess } from "../../support/server_process.js";
import { createDatabase } from "../../support/test_database.js";
import { outputPattern, type Snippet } from "./document.js";

const run = promisify(execFile);
const path = (file: string): string => fileURLToPath(new URL(`../../../${file}`, import.meta.url));

/** A shell snippet as it came out. */
export interface Outcome {
  readonly snippet: Snippet;
  readonly output: string;
  /** The output that the document shows, if any. */
  readonly expected: RegExp | undefined;
}

/** `curfew serve` as a process of its own, and a shell in which `curfew` calls it. */
export interface DocumentedService {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** `host:port` of gRPC. */
  readonly target: string;
  /** Runs the `sh` blocks in one shell, until one fails. */
  runShell(snippets: readonly Snippet[]): Promise<Outcome[]>;
  stop(): Promise<void>;
}

const MARK = "::snippet::";

/** Starts the service as `start` does, a shell snippet, on stores and ports of its own. */
export const startDocumentedService = async (start: string): Promise<DocumentedService> => {
  const database = await createDatabase();
  const folder = makePrivateFolder("docs");
  const curfew = join(folder, "curfew");
  const tsx = new URL("../../../node_modules/tsx/dist/esm/index.mjs", import.meta.url);
  writeFileSync(
    curfew,
    `#!/bin/sh\nexec "${process.execPath}" --import "${tsx.href}" "${path("src/cli/main.ts")}" "$@"\n`,
  );
  chmodSync(curfew, 0o755);
  const [grpc, http] = [await findFreePort(), await findFreePort()];
  const environment: NodeJS.ProcessEnv = {
    PATH: `${folder}:${path("node_modules/.bin")}:${process.env.PATH}`,
    HOME: folder,
    DATABASE_URL: database.url,
    REDIS_URL: await redisUrlForFile(),
    REDIS_TIMEOUT_MS: "250",
    HOST: "127.0.0.1",
    GRPC_PORT: String(grpc),
    HTTP_PORT: String(http),
    METRICS_PORT: "0",
    SHUTDOWN_GRACE_SECONDS: "1",
  };
  /** The documents name the default ports. */
  const onOwnPorts = (text: string): string =>
    text
      .replaceAll("localhost:8000", `localhost:${http}`)
      .replaceAll(":50051", `:${grpc}`)
      // The checkout has it: npx would fetch it.
      .replaceAll("npx --package @bufbuild/buf buf", "buf");

  let service: ServerProcess;
  try {
    service = await startServerProcess({
      command: "bash",
      args: ["-ec", onOwnPorts(start).replace(/^curfew serve/m, "exec curfew serve")],
      ready: /curfew is ready/,
      cwd: folder,
      env: environment,
    });
  } catch (error) {
    await database.drop();
    throw error;
  }
  return {
    folder,
    environment,
    target: `127.0.0.1:${grpc}`,
    async runShell(snippets) {
      const shell = snippets.filter(({ language, note }) => language === "sh" && note === "");
      const script = shell
        .map(({ text }, index) => `echo "${MARK}${index}"\n${onOwnPorts(text)}\necho\n`)
        .join("");
      const options = { cwd: folder, env: environment, maxBuffer: 2 ** 24 };
      const { stdout } = await run("bash", ["-euc", `exec 2>&1\n${script}`], options).catch(
        (error: { stdout: string }) => {
          throw new Error(`A snippet failed. The last output:\n${error.stdout.slice(-4_000)}`);
        },
      );
      const outputs = stdout.split(/^::snippet::\d+\n/m).slice(1);
      return shell.map((snippet, index) => {
        const next = snippets[snippets.indexOf(snippet) + 1];
        return {
          snippet,
          output: outputs[index] ?? "",
          expected: next?.language === "text" ? outputPattern(next.text) : undefined,
        };
      });
    },
    async stop() {
      await service.stop("SIGTERM");
      await database.drop();
    },
  };
};
