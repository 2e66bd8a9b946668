import type { PeerCertificate } from "node:tls";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

/** `TYPE:value` pairs of a subjectAltName; Node writes a value as a JSON string where it is ambiguous. */
const ALTERNATIVE_NAME = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;

const alternativeNames = (certificate: PeerCertificate, type: string): string[] => {
  const names = [...(certificate.subjectaltname ?? "").matchAll(ALTERNATIVE_NAME)];
  return names
    .filter(([, kind]) => kind === type)
    .map(([, , value = ""]) => (value.startsWith('"') ? String(JSON.parse(value)) : value));
};

/**
 * The service that a client certificate names: by its SPIFFE id, else its first DNS name, else its common name. A
 * certificate with two SPIFFE ids names no service (SPIFFE X.509-SVID, section 2), nor does one without a name.
 */
export const serviceNameOf = (certificate: PeerCertificate): string | undefined => {
  const ids = alternativeNames(certificate, "URI").filter((uri) => uri.startsWith("spiffe://"));
  if (ids.length > 1) return undefined;
  const name = ids[0] ?? alternativeNames(certificate, "DNS")[0] ?? certificate.subject?.CN;
  return typeof name === "string" && name !== "" ? name : undefined;
};

/** A call and its connection. */
interface CallOfConnection extends Pick<ServerInterceptingCallInterface, "getAuthContext"> {
  readonly connection: object;
}

/** Returns the service at the other end of a call's connection, or undefined without a verified certificate. */
export type PeerService = (call: CallOfConnection) => string | undefined;

/** Makes a PeerService that reads a certificate once per connection: Node parses it anew each time. */
export const peerServices = (): PeerService => {
  const names = new WeakMap<object, string>();
  return (call) => {
    const known = names.get(call.connection);
    if (known !== undefined) return known;
    const certificate = call.getAuthContext().sslPeerCertificate;
    const name = certificate && serviceNameOf(certificate);
    if (name !== undefined) names.set(call.connection, name);
    return name;
  };
};
