import { BlockList, isIP, isIPv4 } from "node:net";
import { commaList, reads } from "./value_schemas.js";

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether a listener on this host can be reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host.toLowerCase() === "localhost" ||
  (isIP(host) !== 0 && loopback.check(host, isIPv4(host) ? "ipv4" : "ipv6"));

/** An address or a host name to listen on. */
export const hostName = () =>
  reads("an IP address or a host name, without a port", (text) =>
    isIP(text) !== 0 || HOST_NAME.test(text) ? text : undefined,
  );

const isNetwork = (item: string): boolean => {
  const [address = "", bits, ...rest] = item.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  );
};

/** Addresses and networks in CIDR notation. */
export const networks = () =>
  commaList("IP addresses or networks (`10.0.0.0/8`), separated by commas", isNetwork);

const isOrigin = (item: string): boolean => {
  if (!/^https?:\/\//.test(item) || !URL.canParse(item)) return false;
  return new URL(item).origin === item.toLowerCase();
};

/** Web origins as a browser sends them (RFC 6454). */
export const origins = () =>
  commaList(
    "origins such as `https://app.example.com` (scheme, host, no path, no `*`), separated by commas",
    isOrigin,
  );

/** Where a gRPC client finds a server. */
export const grpcTarget = () =>
  reads("`host:port`, or another gRPC target", (text) => (/^\S+$/.test(text) ? text : undefined));
