import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createValidator, type ValidatorOptions } from "../../../src/validator/index.js";
import { createCertificateAuthority } from "../../support/certificates.js";
import { startTestService, type TestService } from "../../support/service.js";
import { ISSUER } from "./stage.js";

let service: TestService;
let overTls: TestService;
let key: string;
let ca: Buffer;
beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const { certificateFile, keyFile } = await authority.issueServer();
  ca = readFileSync(authority.caFile);
  service = await startTestService({ JWT_ISSUER: ISSUER });
  key = await service.createServiceKey("validate");
  overTls = await startTestService({
    TLS_CERT_FILE: certificateFile,
    TLS_KEY_FILE: keyFile,
    SERVICE_AUTH: "key",
  });
});
afterAll(async () => {
  await service?.stop();
  await overTls?.stop();
});

/** What `ready` says of a validator that never becomes ready. */
const complaint = async (options: Partial<ValidatorOptions>): Promise<string> => {
  const validator = createValidator({ targets: [service.target], serviceKey: key, ...options });
  try {
    await validator.ready({ timeoutMs: 5000 });
    return "ready";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await validator.close();
  }
};

describe("ready says why it is not", { timeout: 60_000 }, () => {
  test("another authority", async () => {
    const other = await createCertificateAuthority();
    const tls = { ca: readFileSync(other.caFile) };
    expect(await complaint({ targets: [overTls.target], tls })).toMatch(
      /^Curfew's validator is not ready: no replica of Curfew answers: its certificate was not accepted \(.+\); check the options tls\.ca and tls\.serverName$/,
    );
  });

  test("another name in the certificate", async () => {
    const tls = { ca, serverName: "curfew.example.com" };
    expect(await complaint({ targets: [overTls.target], tls })).toMatch(
      /certificate was not accepted \(.*curfew\.example\.com/,
    );
  });

  test("TLS to a port that speaks none, and the other way round", async () => {
    expect(await complaint({ tls: { ca } })).toMatch(/does not speak TLS at this port/);
    expect(await complaint({ targets: [overTls.target] })).toMatch(/give the option tls/);
  });

  test("a port that accepts connections and says nothing", async () => {
    const open = new Set<Socket>();
    const silent = createServer((socket) => void open.add(socket));
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const { port } = silent.address() as AddressInfo;
    expect(await complaint({ targets: [`127.0.0.1:${port}`] })).toMatch(
      /no replica of Curfew answers in time: .* says nothing$/,
    );
    for (const socket of open) socket.destroy();
    await new Promise((closed) => silent.close(closed));
  });

  test("another issuer or audience than Curfew's, at once and in both modes", async () => {
    for (const mode of ["remote", "local"] as const) {
      expect(await complaint({ mode, issuer: "https://other.test" })).toBe(
        `Curfew's validator is not ready: its option issuer is "https://other.test", but Curfew's tokens have "${ISSUER}" (JWT_ISSUER), so it would refuse every one of them`,
      );
      expect(await complaint({ mode, issuer: ISSUER, audience: "other" })).toMatch(
        /option audience is "other", but Curfew's tokens have "curfew" \(JWT_AUDIENCE\)/,
      );
      expect(await complaint({ mode, issuer: ISSUER, audience: "curfew" })).toBe("ready");
    }
    expect(await complaint({})).toBe("ready");
  });

  test("D6: a service key that cannot be one is refused, and never repeated", async () => {
    for (const bad of ["cfs_Sesam\nx", "cfs_Sesamé", "cfs_ Sesam"]) {
      const make = () => createValidator({ targets: [service.target], serviceKey: bad });
      expect(make).toThrow(/^serviceKey is no service key/);
      const told = await complaint({ serviceKey: () => bad });
      expect(told).toMatch(/serviceKey is no service key/);
      expect(told).not.toContain("Sesam");
    }
  });

  test("what is no PEM is named when the validator is made", () => {
    const make = () => createValidator({ targets: [service.target], tls: { ca: "/etc/ca.pem" } });
    expect(make).toThrow(/^tls\.ca holds no certificate in PEM/);
  });
});
