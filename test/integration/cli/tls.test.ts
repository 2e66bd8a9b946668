import { readFileSync } from "node:fs";
import { ServerCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCertificateAuthority } from "../../support/certificates.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { type StubServer, startStubServer } from "../../unit/cli/stub_server.js";
import { startCurfew } from "./curfew_process.js";

let server: StubServer;
let caFile: string;
beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const { certificateFile, keyFile } = await authority.issueServer();
  caFile = authority.caFile;
  const pair = { cert_chain: readFileSync(certificateFile), private_key: readFileSync(keyFile) };
  server = await startStubServer({}, ServerCredentials.createSsl(null, [pair]));
});
afterAll(() => server?.close());

test("over TLS to an IP address nothing but the answer is printed", {
  timeout: 60_000,
}, async () => {
  const environment = { CURFEW_TARGET: server.target, CURFEW_TLS_CA: caFile };
  const folder = makePrivateFolder("cli-tls");
  expect(await startCurfew(["health"], environment, folder).ended).toEqual({
    exitCode: 0,
    output: "SERVING\n",
    errors: "",
  });
});
