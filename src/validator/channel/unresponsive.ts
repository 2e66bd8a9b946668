import { status as Code, type ServiceError } from "@grpc/grpc-js";

/** What stopped the last attempt to connect, without grpc-js's account of it. */
const lastError = (details: string): string =>
  /^.*Last error: (?:Error: )?(.*?)(?:\. Resolution note.*)?$/s.exec(details)?.[1] ?? details;

const describeConnection = (reason: string): string => {
  if (/wrong.version.number|packet length too long/i.test(reason))
    return `no replica of Curfew answers: it does not speak TLS at this port (${reason}); leave out the option tls, or give the port that speaks it`;
  if (/certificate|self.signed|altname|unable to verify/i.test(reason))
    return `no replica of Curfew answers: its certificate was not accepted (${reason}); check the options tls.ca and tls.serverName`;
  if (/alert|handshake|ssl|tls/i.test(reason))
    return `no replica of Curfew answers: TLS failed (${reason}); check the option tls, and that Curfew trusts the authority of tls.cert`;
  if (/^(protocol error|failed to connect) \(|socket closed|ECONNRESET|disconnected/i.test(reason))
    return `no replica of Curfew answers: what listens there does not speak gRPC in clear (${reason}); check the port of targets, and give the option tls if Curfew speaks TLS`;
  return `no replica of Curfew answers (${reason})`;
};

/** Why Curfew could not be asked, in the words of an operator; for the message of `ready`. */
export const describeSilence = (error: unknown): string => {
  const { code, details, message } = error as Partial<ServiceError>;
  if (code === Code.UNAVAILABLE) return describeConnection(lastError(details ?? ""));
  if (code === Code.DEADLINE_EXCEEDED)
    return "no replica of Curfew answers in time: what listens there accepts connections and says nothing";
  if (code === undefined) return `Curfew was not asked (${message ?? String(error)})`;
  return `no replica of Curfew answers as it should (${Code[code]}: ${details})`;
};
