import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { CommandFailure } from "../command_failure.js";

/** A file of TLS, and the option or setting that names it. */
export interface TlsFile {
  readonly name: string;
  readonly path: string;
}

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/gs;

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

const read = ({ name, path }: TlsFile): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CommandFailure(
      `The file of ${name} cannot be read: ${messageOf(cause)}.`,
      undefined,
      { cause },
    );
  }
};

const unfit = ({ name, path }: TlsFile, what: string): CommandFailure =>
  new CommandFailure(`The file of ${name}, ${path}, ${what}.`);

/**
 * Reads a file of one or more certificates.
 *
 * @throws CommandFailure that names the option and the file
 */
export const readCertificates = (file: TlsFile): Buffer => {
  const bytes = read(file);
  const found = bytes.toString("latin1").match(CERTIFICATE) ?? [];
  if (found.length === 0) {
    throw unfit(file, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  }
  for (const [index, pem] of found.entries()) {
    try {
      new X509Certificate(pem);
    } catch (cause) {
      throw unfit(
        file,
        `holds a certificate that cannot be read (number ${index + 1}: ${messageOf(cause)})`,
      );
    }
  }
  return bytes;
};

/**
 * Reads a private key, which must belong to a certificate.
 *
 * @throws CommandFailure that names the option and the file, and nothing of the key
 */
export const readPrivateKey = (file: TlsFile, certificate: Buffer): Buffer => {
  const bytes = read(file);
  let fits: boolean;
  try {
    fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(bytes));
  } catch {
    const encrypted = /ENCRYPTED/.test(bytes.toString("latin1"));
    throw unfit(
      file,
      encrypted
        ? "holds an encrypted private key: give one without a passphrase"
        : "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)",
    );
  }
  if (!fits) throw unfit(file, "holds the private key of another certificate");
  return bytes;
};
