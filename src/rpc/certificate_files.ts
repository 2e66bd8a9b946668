import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { experimental } from "@grpc/grpc-js";

export interface CertificateFiles {
  /** The server's certificate and its intermediates. */
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities of client certificates. Absent: clients are not asked for one. */
  readonly clientCaFile: string | undefined;
}

interface Watch {
  readonly refreshMs: number;
  readonly onReload: (failure: Error | undefined) => void;
}

interface Certificates {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly caCertificate: Buffer | undefined;
}

/** Reads the files and proves that they can be used together. */
const load = async ({
  certFile,
  keyFile,
  clientCaFile,
}: CertificateFiles): Promise<Certificates> => {
  const [certificate, privateKey, caCertificate] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    clientCaFile === undefined ? undefined : readFile(clientCaFile),
  ]);
  createSecureContext({ cert: certificate, key: privateKey, ca: caCertificate });
  return { certificate, privateKey, caCertificate };
};

const isSame = (one: Certificates, other: Certificates): boolean =>
  one.certificate.equals(other.certificate) &&
  one.privateKey.equals(other.privateKey) &&
  (one.caCertificate ?? Buffer.alloc(0)).equals(other.caCertificate ?? Buffer.alloc(0));

const asError = (cause: unknown): Error =>
  cause instanceof Error ? cause : new Error(String(cause));

/**
 * Reads certificates from their files, and keeps the last good ones while the files are bad. Checks the files only
 * while a server listens.
 *
 * @throws Error if the files cannot be used now
 */
export const certificateFiles = async (
  options: CertificateFiles & Watch,
): Promise<experimental.CertificateProvider> => {
  const identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();
  const caListeners = new Set<experimental.CaCertificateUpdateListener>();
  let current = await load(options).catch((cause: unknown) => {
    const { certFile, keyFile, clientCaFile } = options;
    const names = [certFile, keyFile, clientCaFile].filter(Boolean).join(", ");
    throw new Error(`cannot use the TLS files ${names}: ${asError(cause).message}`, { cause });
  });
  let timer: NodeJS.Timeout | undefined;

  const caUpdate = (): experimental.CaCertificateUpdate | null =>
    current.caCertificate === undefined ? null : { caCertificate: current.caCertificate };

  const refresh = async (): Promise<void> => {
    try {
      const found = await load(options);
      if (isSame(found, current)) return;
      current = found;
      for (const listener of caListeners) listener(caUpdate());
      for (const listener of identityListeners) listener(current);
      options.onReload(undefined);
    } catch (cause) {
      options.onReload(asError(cause));
    }
  };

  const watch = (): void => {
    timer ??= setInterval(refresh, options.refreshMs).unref();
  };
  const unwatch = (): void => {
    if (identityListeners.size + caListeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    addIdentityCertificateListener: (listener) => {
      identityListeners.add(listener);
      // Wait until grpc-js, which is still registering, can receive the call.
      process.nextTick(() => listener(current));
      watch();
    },
    addCaCertificateListener: (listener) => {
      caListeners.add(listener);
      process.nextTick(() => listener(caUpdate()));
      watch();
    },
    removeIdentityCertificateListener: (listener) => {
      identityListeners.delete(listener);
      unwatch();
    },
    removeCaCertificateListener: (listener) => {
      caListeners.delete(listener);
      unwatch();
    },
  };
};
