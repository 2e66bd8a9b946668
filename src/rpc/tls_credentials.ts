import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import { type CertificateFiles, certificateFiles } from "./certificate_files.js";

/** TLS of a server. Files are PEM, and may be replaced while it runs. */
export interface TlsOptions extends CertificateFiles {
  /** Whether a client without a certificate of that authority is turned away at the handshake. */
  readonly requireClientCertificate: boolean;
  /** The interval between checks of the files, in milliseconds. */
  readonly refreshMs: number;
  /** Called when new files are in use, and with the failure when they are unfit and the old files stay in use. */
  readonly onReload: (failure: Error | undefined) => void;
}

/**
 * Credentials that follow their files. A file that cannot be read, or a key
 * that does not fit its certificate, as in the middle of a rotation, changes nothing.
 *
 * @throws Error if the files cannot be used now
 */
export const tlsCredentials = async (options: TlsOptions): Promise<ServerCredentials> => {
  const files = await certificateFiles(options);
  // The parameters are named in the wrong order in grpc-js: the first is the server's own identity.
  return experimental.createCertificateProviderServerCredentials(
    files,
    options.clientCaFile === undefined ? null : files,
    options.requireClientCertificate,
  );
};
