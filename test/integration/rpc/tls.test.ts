import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type TlsOptions, tlsCredentials } from "../../../src/rpc/tls_credentials.js";
import {
  type CertificateAuthority,
  type CertificateFiles,
  createCertificateAuthority,
} from "../../support/certificates.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { waitUntil } from "../../support/wait_until.js";
import {
  call,
  judge,
  metadataOf,
  refusalOf,
  type StubServer,
  startStubServer,
} from "./stub_server.js";

const question = { accessToken: "token", audience: "", skipActivity: false };
const mtls = { ...judge, serviceAuth: "mtls" } as const;

let authority: CertificateAuthority;
let serverFiles: CertificateFiles;
beforeAll(async () => {
  authority = await createCertificateAuthority();
  serverFiles = await authority.issueServer();
});

const stubs: StubServer[] = [];
afterEach(async () => {
  await Promise.all(stubs.splice(0).map((stub) => stub.close()));
});

const start = async (
  tls: Partial<TlsOptions>,
  options: Parameters<typeof startStubServer>[1] = {},
) => {
  const stub = await startStubServer(
    {},
    {
      ...options,
      tls: await tlsCredentials({
        certFile: serverFiles.certificateFile,
        keyFile: serverFiles.keyFile,
        clientCaFile: authority.caFile,
        requireClientCertificate: true,
        refreshMs: 60_000,
        onReload: () => {},
        ...tls,
      }),
    },
  );
  stubs.push(stub);
  return stub;
};

/** A client with a certificate, or with none. */
const channel = async (files?: CertificateFiles) =>
  credentials.createSsl(
    await readFile(authority.caFile),
    files ? await readFile(files.keyFile) : null,
    files ? await readFile(files.certificateFile) : null,
  );

describe("mTLS", () => {
  test("names the service by its certificate, call after call", async () => {
    const stub = await start({}, { judge: mtls });
    const client = stub.client(await channel(await authority.issueClient("billing")), "localhost");
    for (let round = 0; round < 2; round += 1) {
      expect((await call(client, "validateToken", question)).userId).toBe("token");
    }
    expect(stub.calls.map(({ ctx }) => ctx.caller)).toEqual([
      { kind: "service", name: "billing", scopes: ["validate"] },
      { kind: "service", name: "billing", scopes: ["validate"] },
    ]);
  });

  test("takes a SPIFFE id before other names", async () => {
    const stub = await start({}, { judge: mtls });
    const files = await authority.issue({
      commonName: "cn",
      usage: "client",
      dnsNames: ["billing.example"],
      uris: ["spiffe://example.org/billing"],
    });
    await call(stub.client(await channel(files), "localhost"), "validateToken", question);
    expect(stub.calls[0]?.ctx.caller).toMatchObject({ name: "spiffe://example.org/billing" });
  });

  test("opens no door for calls that a proxy forwards: the certificate is the proxy's", async () => {
    const stub = await start({}, { judge: mtls });
    const client = stub.client(await channel(await authority.issueClient("gateway")), "localhost");
    const forwarded = metadataOf({ "x-forwarded-for": "203.0.113.9" });
    expect(await refusalOf(call(client, "validateToken", question, forwarded))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
    forwarded.set("authorization", "Bearer cfs_billing");
    expect((await call(client, "validateToken", question, forwarded)).userId).toBe("token");
  });

  test("turns strangers away at the handshake, or without a credential", async () => {
    const strict = await start({}, { judge: mtls });
    expect(
      await refusalOf(call(strict.client(await channel(), "localhost"), "getJwks", {})),
    ).toMatchObject({ code: 14 });
    const lenient = await start({ requireClientCertificate: false }, { judge: mtls });
    const anonymous = lenient.client(await channel(), "localhost");
    expect(await call(anonymous, "getJwks", {})).toEqual({ keys: [] });
    expect(await refusalOf(call(anonymous, "validateToken", question))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
  });

  test("believes no certificate of another authority", async () => {
    const stub = await start({ requireClientCertificate: false }, { judge: mtls });
    const other = await createCertificateAuthority();
    const client = stub.client(await channel(await other.issueClient("billing")), "localhost");
    expect(await refusalOf(call(client, "validateToken", question))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
  });

  test("means nothing where services have keys", async () => {
    const stub = await start({});
    const client = stub.client(await channel(await authority.issueClient("billing")), "localhost");
    expect(await refusalOf(call(client, "validateToken", question))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
  });
});

describe("the files of a certificate", () => {
  const sockets: TLSSocket[] = [];
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
  });

  const serialOf = async (port: number): Promise<string> => {
    const socket = connectTls({
      port,
      host: "localhost",
      ALPNProtocols: ["h2"],
      ca: await readFile(authority.caFile),
    });
    sockets.push(socket);
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };

  test("may be replaced while the server runs; what is not fit for use changes nothing", async () => {
    const folder = makePrivateFolder("rotation");
    const certFile = join(folder, "tls.pem");
    const keyFile = join(folder, "tls.key");
    await copyFile(serverFiles.certificateFile, certFile);
    await copyFile(serverFiles.keyFile, keyFile);
    const reloads: (string | undefined)[] = [];
    const { port } = await start({
      certFile,
      keyFile,
      clientCaFile: undefined,
      requireClientCertificate: false,
      refreshMs: 5,
      onReload: (failure) => reloads.push(failure?.message),
    });
    const before = await serialOf(port);

    const next = await authority.issueServer();
    await copyFile(next.certificateFile, certFile);
    await waitUntil("the half-made rotation is seen", () =>
      reloads.some((each) => each?.includes("key values mismatch")),
    );
    expect(await serialOf(port)).toBe(before);

    await copyFile(next.keyFile, keyFile);
    await waitUntil("the rotation is complete", () => reloads.includes(undefined));
    const after = await serialOf(port);
    expect(after).not.toBe(before);

    await writeFile(certFile, "rubbish");
    const seen = reloads.length;
    await waitUntil("the rubbish is seen", () => reloads.length > seen);
    expect(await serialOf(port)).toBe(after);
  });

  test("have to be usable at the start", async () => {
    const options = {
      certFile: serverFiles.certificateFile,
      clientCaFile: undefined,
      requireClientCertificate: false,
      refreshMs: 1000,
      onReload: () => {},
    };
    const { keyFile } = await authority.issueServer();
    await expect(tlsCredentials({ ...options, keyFile })).rejects.toThrow(
      /cannot use the TLS files .*mismatch/,
    );
    await expect(tlsCredentials({ ...options, keyFile: "/nowhere.key" })).rejects.toThrow(
      /nowhere\.key.*ENOENT/,
    );
  });
});
