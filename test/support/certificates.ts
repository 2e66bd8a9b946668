import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable } from "./executable.js";
import { makePrivateFolder } from "./private_folder.js";

const run = promisify(execFile);

export interface CertificateOptions {
  readonly commonName: string;
  readonly usage: "server" | "client";
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Subject alternative names such as `spiffe://example.org/billing`. */
  readonly uris?: readonly string[];
}

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A throw-away certificate authority; its files go when this process ends. */
export interface CertificateAuthority {
  readonly caFile: string;
  /** Issues a certificate for one day, with a new P-256 key. */
  issue(options: CertificateOptions): Promise<CertificateFiles>;
  /** For `localhost`, 127.0.0.1 and ::1. */
  issueServer(): Promise<CertificateFiles>;
  /** Issues a certificate for a calling service. The common name is the name of the service. */
  issueClient(commonName: string): Promise<CertificateFiles>;
}

/** Makes a new authority; certificates of one are worth nothing to another. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const folder = makePrivateFolder("certificates");
  const openssl = findOpenssl();
  const caFile = join(folder, "ca.pem");
  const caKeyFile = join(folder, "ca.key");
  await run(openssl, [
    ...["req", "-x509", ...newKey(caKeyFile), "-out", caFile, "-days", "1", "-subj", "/CN=Test CA"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  ]);

  let issued = 0;
  const issue = async (options: CertificateOptions): Promise<CertificateFiles> => {
    issued += 1;
    const base = join(folder, `${options.usage}-${issued}`);
    const files = { certificateFile: `${base}.pem`, keyFile: `${base}.key` };
    await writeFile(`${base}.ext`, extensions(options));
    await run(openssl, [
      ...["req", "-new", ...newKey(files.keyFile), "-out", `${base}.csr`],
      ...["-subj", `/CN=${options.commonName}`],
    ]);
    await run(openssl, [
      ...["x509", "-req", "-in", `${base}.csr`, "-out", files.certificateFile, "-days", "1"],
      ...["-CA", caFile, "-CAkey", caKeyFile, "-set_serial", String(issued)],
      ...["-extfile", `${base}.ext`],
    ]);
    return files;
  };
  return {
    caFile,
    issue,
    issueServer: () =>
      issue({
        commonName: "localhost",
        usage: "server",
        dnsNames: ["localhost"],
        ipAddresses: ["127.0.0.1", "::1"],
      }),
    issueClient: (commonName) => issue({ commonName, usage: "client" }),
  };
}

function findOpenssl(): string {
  return findOrInstall(
    "openssl",
    () => findExecutable(["openssl"]),
    ["openssl"],
    "install it (Debian: apt-get install openssl).",
  );
}

function newKey(file: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file];
}

/** The content of an OpenSSL extension file. */
function extensions({ usage, dnsNames, ipAddresses, uris }: CertificateOptions): string {
  const names = [
    ...(dnsNames ?? []).map((name) => `DNS:${name}`),
    ...(ipAddresses ?? []).map((address) => `IP:${address}`),
    ...(uris ?? []).map((uri) => `URI:${uri}`),
  ];
  return [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    `extendedKeyUsage=${usage}Auth`,
    ...(names.length > 0 ? [`subjectAltName=${names.join(",")}`] : []),
  ].join("\n");
}
