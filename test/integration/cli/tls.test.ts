import { createPrivateKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { ServerCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCertificateAuthority } from "../../support/certificates.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { run } from "../../unit/cli/recording_terminal.js";
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

test("a key of another certificate, and an encrypted one, are named", async () => {
  const authority = await createCertificateAuthority();
  const [one, two] = [await authority.issueClient("one"), await authority.issueClient("two")];
  const options = ["--tls-ca", caFile, "--tls-cert", one.certificateFile, "--tls-key", two.keyFile];
  const outcome = await run(["users", "list", "--target", server.target, ...options]);
  expect(outcome.errors).toMatch(
    /^curfew: The file of --tls-key \(CURFEW_TLS_KEY\), .*, holds the private key of another certificate\.\n$/,
  );
  const encrypted = `${one.keyFile}.encrypted`;
  const key = createPrivateKey(readFileSync(one.keyFile));
  const format = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" } as const;
  writeFileSync(encrypted, key.export(format));
  const locked = [...options.slice(0, 5), encrypted];
  expect((await run(["users", "list", "--target", server.target, ...locked])).errors).toMatch(
    /encrypted private key/,
  );
});
