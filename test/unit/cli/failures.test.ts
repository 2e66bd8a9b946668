import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "./recording_terminal.js";
import {
  answering,
  type Refusal,
  Refused,
  type StubServer,
  startStubServer,
} from "./stub_server.js";

let refusal: Refusal;
let server: StubServer;
beforeEach(async () => {
  server = await startStubServer({
    sessions: {
      cleanupSessions: answering(() => {
        throw new Refused(refusal);
      }),
    },
  });
});
afterEach(() => server.close());

const cleanup = (...more: string[]) =>
  run(["sessions", "cleanup", "--target", server.target, ...more], { piped: "" });

describe("what a server refuses is one sentence on the error stream, and exit code 1", () => {
  test.each<[string, Refusal, RegExp]>([
    [
      "no credential",
      { code: status.UNAUTHENTICATED, reason: "CREDENTIALS_MISSING" },
      /^curfew: This needs a credential: pass --token or set CURFEW_TOKEN.*--username/,
    ],
    [
      "an expired token",
      { code: status.UNAUTHENTICATED, reason: "ACCESS_TOKEN_EXPIRED", message: "It has expired." },
      /^curfew: The credential was refused: It has expired\. \(ACCESS_TOKEN_EXPIRED\)\. Get another: pass --token/,
    ],
    [
      "not an administrator",
      { code: status.PERMISSION_DENIED, reason: "PERMISSION_DENIED", message: "Not allowed" },
      /^curfew: Not allowed\. It takes a user with the role `admin`/,
    ],
    [
      "a store that is down",
      { code: status.UNAVAILABLE, reason: "DEPENDENCY_UNAVAILABLE", message: "Not available" },
      /^curfew: Not available\. Curfew at 127\.0\.0\.1:\d+ does not reach a store/,
    ],
    [
      "several fields",
      {
        code: status.INVALID_ARGUMENT,
        violations: [
          { field: "note", description: "is too long" },
          { field: "user_id", description: "is empty" },
        ],
      },
      /^curfew: note: is too long; user_id: is empty\n$/,
    ],
    [
      "a defect",
      { code: status.INTERNAL, message: "Internal error." },
      /^curfew: Curfew at .* failed: Internal error\./,
    ],
    [
      "something else",
      {
        code: status.NOT_FOUND,
        reason: "NOT_FOUND",
        message: "Not found",
        metadata: { session_id: "x\n" },
      },
      /^curfew: Not found \(session_id: x�\)\n$/,
    ],
  ])("%s", async (_case, refused, sentence) => {
    refusal = refused;
    const outcome = await cleanup();
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toMatch(sentence);
    expect(outcome.errors.trimEnd()).not.toContain("\n");
  });

  test("a call that the server lacks", async () => {
    const outcome = await run(["users", "list", "--target", server.target]);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toContain("does not have this call: is it Curfew, and as new as this");
  });

  test("no answer in time", async () => {
    server.close();
    server = await startStubServer({ sessions: { cleanupSessions: () => undefined } });
    const outcome = await cleanup("--timeout", "0.05");
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toMatch(/did not answer in time.*--timeout SECONDS\.\n$/);
  });
});

describe("a server that cannot be reached", () => {
  test("is named, with what to try", async () => {
    server.close();
    const outcome = await cleanup();
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toMatch(
      new RegExp(
        `^curfew: Cannot reach Curfew at ${server.target} \\(connect ECONNREFUSED ${server.target}\\)\\. Is it running there\\? Start it with \`curfew serve\`, name another server with --target`,
      ),
    );
  });

  test("comes from the environment when no option names it", async () => {
    const outcome = await run(["users", "list"], { environment: { CURFEW_TARGET: "127.0.0.1:1" } });
    expect(outcome.errors).toContain("Cannot reach Curfew at 127.0.0.1:1 ");
  });

  test("that speaks something else is told from one that is not there", async () => {
    server.close();
    const other = createServer((socket) => {
      socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    await once(other.listen(0, "127.0.0.1"), "listening");
    const { port } = other.address() as AddressInfo;
    const outcome = await run(["sessions", "cleanup", "--target", `127.0.0.1:${port}`]);
    await new Promise((closed) => other.close(closed));
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toMatch(
      /^curfew: What listens at 127\.0\.0\.1:\d+ does not speak gRPC in clear: [^\n]*--tls-ca FILE\.\n$/,
    );
  });

  test("is not asked over TLS when it does not speak it", async () => {
    const outcome = await cleanup("--tls");
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toContain(`The server at ${server.target} does not speak TLS`);
  });
});

describe("a wrong call is exit code 2, one line, and does nothing", () => {
  test.each([
    ["frobnicate", /unknown command 'frobnicate'/],
    ["sessions lst", /unknown command 'lst' \(Did you mean list\?\)/],
    ["sessions list --jsn", /unknown option '--jsn' \(Did you mean --json\?\)/],
    ["sessions why", /missing required argument 'token'/],
    ["users unlock", /missing required argument 'user'/],
    ["users list extra", /too many arguments/],
    ["services create x --scope everything", /--scope.*Allowed choices are validate, issue, admin/],
    ["health --timeout soon", /--timeout.*number of seconds/],
    ["users list --tls-cert a.pem", /--tls-cert and --tls-key .*go together/],
    ["users list --target http://127.0.0.1:8000", /is a URL: give it as HOST:PORT/],
    ["users list --tls-ca /nowhere/ca.pem", /The file of --tls-ca .*cannot be read/],
  ])("%s", async (words, sentence) => {
    const outcome = await run(words.split(" "));
    expect([1, 2]).toContain(outcome.exitCode);
    expect(outcome.output).toBe("");
    expect(outcome.errors).toMatch(/^curfew: [^\n]*\n$/);
    expect(outcome.errors).toMatch(sentence);
  });

  test("a group without a command shows what it has", async () => {
    const outcome = await run(["sessions"]);
    expect(outcome.exitCode).toBe(2);
    expect(outcome.errors).toContain("monitor");
  });

  test("--version says which it is", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await run(["--version"])).toMatchObject({ exitCode: 0, output: `${version}\n` });
  });

  test("--help gives defaults in the unit that the option takes", async () => {
    const { output } = await run(["sessions", "monitor", "--help"]);
    expect(output).toMatch(/--interval <seconds>\s+time between two looks \(default: 1\)/);
  });

  test("--help is no failure", async () => {
    const outcome = await run(["sessions", "revoke", "--help"]);
    expect(outcome).toMatchObject({ exitCode: 0, errors: "" });
    expect(outcome.output).toContain("--json");
    expect(outcome.output).toContain("--dry-run");
  });
});

test("a credential in clear over a network is warned of", async () => {
  const outcome = await run(
    ["users", "list", "--token", "t", "--target", "192.0.2.1:1", "--timeout", "0.05"],
    {},
  );
  expect(outcome.errors).toMatch(
    /^curfew: warning: the credential goes to 192\.0\.2\.1:1 in clear\./,
  );
});
