import { readFileSync } from "node:fs";
import { ServerCredentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type CertificateAuthority,
  type CertificateFiles,
  createCertificateAuthority,
} from "../../support/certificates.js";
import { run } from "./recording_terminal.js";
import { answering, type StubServer, startStubServer } from "./stub_server.js";

let server: StubServer;
afterEach(() => server.close());

describe("over plain text", () => {
  beforeEach(async () => {
    server = await startStubServer({});
  });
  const health = (...words: string[]) => run(["health", "--target", server.target, ...words]);

  test("a server that serves is 0", async () => {
    expect(await health()).toMatchObject({ exitCode: 0, output: "SERVING\n", errors: "" });
    expect((await health("--service", "curfew.v1.AuthService")).exitCode).toBe(0);
  });

  test("one that does not is 1, in words and as JSON", async () => {
    server.health.setStatus("", "NOT_SERVING");
    const outcome = await health();
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toBe(`curfew: Curfew at ${server.target} answers NOT_SERVING.\n`);
    const json = await health("--json");
    expect(json).toMatchObject({ exitCode: 1, errors: "" });
    expect(JSON.parse(json.output)).toEqual({
      target: server.target,
      service: "",
      status: "NOT_SERVING",
    });
  });

  test("a service that it does not know is 1", async () => {
    const outcome = await health("--service", "nope");
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toContain("answers SERVICE_UNKNOWN for nope");
  });

  test("no server is 1", async () => {
    server.close();
    const outcome = await health();
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toContain("Cannot reach Curfew at");
  });
});

describe("over TLS", () => {
  let authority: CertificateAuthority;
  let own: CertificateFiles;
  const start = async (clientsToo: boolean): Promise<void> => {
    authority = await createCertificateAuthority();
    own = await authority.issueServer();
    const pair = {
      cert_chain: readFileSync(own.certificateFile),
      private_key: readFileSync(own.keyFile),
    };
    const ca = readFileSync(authority.caFile);
    server = await startStubServer(
      { users: { listUsers: answering(() => ({ users: [], nextPageToken: "" })) } },
      ServerCredentials.createSsl(ca, [pair], clientsToo),
    );
  };

  test("the check inside the container needs no options", async () => {
    await start(false);
    const outcome = await run(["health"], {
      environment: {
        GRPC_PORT: server.target.replace(/.*:/, ""),
        HOST: "0.0.0.0",
        TLS_CERT_FILE: own.certificateFile,
        TLS_KEY_FILE: own.keyFile,
      },
    });
    expect(outcome).toMatchObject({ exitCode: 0, output: "SERVING\n", errors: "" });
  });

  test("calls trust the authority that is named, and no other", async () => {
    await start(false);
    const trusted = await run([
      ...["users", "list", "--json", "--token", "t", "--target", server.target],
      ...["--tls-ca", authority.caFile, "--tls-server-name", "localhost"],
    ]);
    expect(trusted).toMatchObject({ exitCode: 0, output: "[]\n", errors: "" });
    const strange = await run([
      "users",
      "list",
      "--tls",
      "--token",
      "t",
      "--target",
      server.target,
    ]);
    expect(strange.exitCode).toBe(1);
    expect(strange.errors).toContain("was not accepted");
    expect(strange.errors).toContain("--tls-ca FILE");
  });

  test("the environment names the files where no option does", async () => {
    await start(true);
    const client = await authority.issueClient("ops");
    const environment = {
      CURFEW_TARGET: server.target,
      CURFEW_TLS_CA: authority.caFile,
      CURFEW_TLS_CERT: client.certificateFile,
      CURFEW_TLS_KEY: client.keyFile,
    };
    expect(await run(["health"], { environment })).toMatchObject({ exitCode: 0, errors: "" });
    const byTheSystem = await run(["health", "--tls"], { environment });
    expect(byTheSystem.errors).toContain("was not accepted");
    const nowhere = { ...environment, CURFEW_TLS_CA: "/nowhere/ca.pem" };
    const unreadable = await run(["health"], { environment: nowhere });
    expect(unreadable.errors).toMatch(
      /^curfew: The file of --tls-ca \(CURFEW_TLS_CA\) cannot be read/,
    );
  });

  test("a client certificate is shown where one is asked for", async () => {
    await start(true);
    const client = await authority.issueClient("ops");
    const outcome = await run([
      ...["health", "--target", server.target, "--tls-ca", authority.caFile],
      ...["--tls-cert", client.certificateFile, "--tls-key", client.keyFile],
    ]);
    expect(outcome).toMatchObject({ exitCode: 0, output: "SERVING\n" });
  });
});
