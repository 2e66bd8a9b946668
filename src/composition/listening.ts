import { isIPv6 } from "node:net";

/** Host and port as one text; IPv6 in brackets. */
export const hostPort = (host: string, port: number): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`;

const REASONS = [
  [/EADDRINUSE/, "the port is in use", "stop what uses it, or set SETTING to another port"],
  [/EACCES/, "this user may not listen there", "set SETTING to a port above 1023"],
  [/EADDRNOTAVAIL|ENOTFOUND/, "this machine has no such address", "set HOST to one that it has"],
] as const;

/** Waits for a listener; when it cannot have its port, rejects with the setting to change. */
export const listening = async <T>(
  setting: "GRPC_PORT" | "HTTP_PORT" | "METRICS_PORT",
  address: string,
  listen: Promise<T>,
): Promise<T> => {
  try {
    return await listen;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const known = REASONS.find(([sign]) => sign.test(text));
    const [, reason, remedy] = known ?? [undefined, text, "set SETTING or HOST to another"];
    throw new Error(
      `cannot listen on ${address} (${reason}): ${remedy.replace("SETTING", setting)}`,
      { cause },
    );
  }
};
