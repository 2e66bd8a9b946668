import ipaddr from "ipaddr.js";

/** Tells where calls come from, past the proxies that are believed. */
export interface ClientAddress {
  /**
   * @param peer the address at the other end of the connection
   * @param forwardedFor the value of `x-forwarded-for`: the client first, the
   * nearest proxy last; may be empty
   */
  of(peer: string, forwardedFor: string): string;
  /** Whether that peer is believed about the clients whose calls it forwards. */
  isProxy(peer: string): boolean;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [Address, number];

/** The canonical form, IPv4 also where a dual-stack socket writes it as IPv6. */
const parse = (text: string): Address | undefined =>
  ipaddr.isValid(text) ? ipaddr.process(text) : undefined;

const network = (text: string): Network => {
  if (text.includes("/")) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
};

/**
 * What Node says of the peer of a Unix socket. Only this process, whose gateway
 * it is, can reach that socket.
 */
const OWN_GATEWAY = "";

/**
 * Makes a ClientAddress that believes our own gateway, and `x-forwarded-for` only as far as proxies
 * of these addresses and networks (CIDR) wrote it (D1).
 *
 * @throws Error for what is neither an address nor a network
 */
export const clientAddress = (trustedProxies: readonly string[]): ClientAddress => {
  const networks = trustedProxies.map(network);
  const isTrusted = (address: Address): boolean =>
    networks.some(([base, bits]) => base.kind() === address.kind() && address.match([base, bits]));

  return {
    of: (peer, forwardedFor) => {
      const hops = forwardedFor === "" ? [] : forwardedFor.split(",");
      let nearest = parse(peer === OWN_GATEWAY ? (hops.pop()?.trim() ?? "") : peer);
      if (nearest === undefined) return peer;
      while (hops.length > 0 && isTrusted(nearest)) {
        const next = parse(hops.pop()?.trim() ?? "");
        if (next === undefined) break;
        nearest = next;
      }
      return nearest.toString();
    },
    isProxy: (peer) => {
      if (peer === OWN_GATEWAY) return true;
      const address = parse(peer);
      return address !== undefined && isTrusted(address);
    },
  };
};
