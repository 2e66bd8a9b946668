import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { forwardedAddress } from "../core/caller/forwarded_address.js";

/** The other end of a connection. */
export interface Peer {
  /** As the connection was accepted; empty if unknown, and then the peer is not trusted. */
  readonly address: string;
  /** Whether the connection came over the listener that only our own gateway can reach. */
  readonly isGateway: boolean;
}

/** Determines the address of callers behind trusted proxies. */
export interface ClientAddress {
  /**
   * @param forwardedFor the value of `x-forwarded-for`: the client first, the
   * nearest proxy last; may be empty
   */
  of(peer: Peer, forwardedFor: string): string;
  /** Whether that peer is trusted about the clients whose calls it forwards. */
  isProxy(peer: Peer): boolean;
}

/** Called once for each trusted proxy that forwards an invalid address. */
export type OnUnreadableAddress = (proxy: string) => void;

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [Address, number];

/** Proxies that are remembered as reported. */
const MAX_REPORTED = 100;

/**
 * An address as it is stored and compared, or undefined for an invalid one. IPv6 is written as in RFC 5952, and IPv4
 * without its IPv6 form.
 */
export const canonicalAddress = (text: string): string | undefined => parse(text)?.toString();

/** The canonical form, IPv4 also where a dual-stack socket writes it as IPv6. Strict: `1` and `0x7f.1` are no addresses. */
const parse = (text: string): Address | undefined =>
  isIP(text) === 0 ? undefined : ipaddr.process(text);

const network = (text: string): Network => {
  if (text.includes("/")) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
};

/**
 * Creates a ClientAddress that trusts our own gateway, and `x-forwarded-for` only as far as proxies of these addresses
 * and networks (CIDR) wrote it (D1, D9).
 *
 * @throws Error for a text that is neither an address nor a network
 */
export const clientAddress = (
  trustedProxies: readonly string[],
  onUnreadable: OnUnreadableAddress = () => undefined,
): ClientAddress => {
  const networks = trustedProxies.map(network);
  const isTrusted = (address: Address): boolean =>
    networks.some(([base, bits]) => base.kind() === address.kind() && address.match([base, bits]));

  const reported = new Set<string>();
  const report = (proxy: string): void => {
    if (reported.has(proxy) || reported.size >= MAX_REPORTED) return;
    reported.add(proxy);
    onUnreadable(proxy);
  };

  return {
    of: ({ address, isGateway }, forwardedFor) => {
      const hops = forwardedFor === "" ? [] : forwardedFor.split(",");
      const next = () => parse(forwardedAddress(hops.pop() ?? ""));
      // The gateway itself has no address: it names its own peer last.
      let nearest = isGateway ? next() : parse(address);
      if (nearest === undefined) return "";
      while (hops.length > 0 && isTrusted(nearest)) {
        const client = next();
        if (client === undefined) {
          report(nearest.toString());
          break;
        }
        nearest = client;
      }
      return nearest.toString();
    },
    isProxy: ({ address, isGateway }) => {
      if (isGateway) return true;
      const parsed = parse(address);
      return parsed !== undefined && isTrusted(parsed);
    },
  };
};
