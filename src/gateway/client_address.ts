import { isIP, type Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import ipaddr from "ipaddr.js";
import { forwardedAddress } from "../core/caller/forwarded_address.js";
import { sourceOf } from "../core/caller/source.js";

declare module "fastify" {
  interface FastifyRequest {
    /**
     * The addresses that the request passed, the client first and the gateway's peer last: the part of
     * `X-Forwarded-For` that trusted proxies wrote. Empty if the peer is no longer known; then no address is trusted.
     */
    clientChain: readonly string[];
  }
}

export type IsTrustedProxy = (address: string) => boolean;

/** Whether an address is one of these addresses or in one of these networks (CIDR). */
export const trustedProxies = (texts: readonly string[]): IsTrustedProxy => {
  const networks = texts.map((text): readonly [ipaddr.IPv4 | ipaddr.IPv6, number] => {
    if (text.includes("/")) return ipaddr.parseCIDR(text);
    const address = ipaddr.process(text);
    return [address, address.kind() === "ipv4" ? 32 : 128];
  });
  return (text) => {
    if (isIP(text) === 0) return false;
    const address = ipaddr.process(text);
    return networks.some(
      ([base, bits]) => base.kind() === address.kind() && address.match([base, bits]),
    );
  };
};

/** Proxies that are remembered as reported. */
const MAX_REPORTED = 100;

/** An address without the IPv4-in-IPv6 form of dual-stack sockets; undefined for an invalid address. */
const addressOf = (text: string): string | undefined =>
  isIP(text) === 0 ? undefined : ipaddr.process(text).toString();

/** The source that budgets count a request to (D9). */
export const sourceOfRequest = ({ clientChain }: FastifyRequest): string =>
  sourceOf(clientChain[0] ?? "");

/**
 * Finds out of each request where it came from, before anything else.
 *
 * @param peerOf the peer of a connection as it was accepted: after a reset Node no longer knows it
 */
export const installClientAddresses = (
  app: FastifyInstance,
  isTrusted: IsTrustedProxy,
  peerOf: (socket: Socket) => string | undefined,
): void => {
  const reported = new Set<string>();
  const report = (proxy: string): void => {
    if (reported.has(proxy) || reported.size >= MAX_REPORTED) return;
    reported.add(proxy);
    app.log.warn(
      { proxy },
      "a trusted proxy sends an X-Forwarded-For with something that is no address: " +
        "its clients count as one source",
    );
  };
  const chainOf = ({ raw, headers }: FastifyRequest): readonly string[] => {
    const peer = addressOf(peerOf(raw.socket) ?? "");
    if (peer === undefined) return [];
    const header = String(headers["x-forwarded-for"] ?? "");
    const hops = header === "" ? [] : header.split(",");
    const chain = [peer];
    for (let nearest = peer; hops.length > 0 && isTrusted(nearest); ) {
      const next = addressOf(forwardedAddress(hops.pop() ?? ""));
      if (next === undefined) {
        report(nearest);
        break;
      }
      chain.unshift(next);
      nearest = next;
    }
    return chain;
  };
  app.decorateRequest("clientChain");
  app.addHook("onRequest", (request, _reply, done) => {
    request.clientChain = chainOf(request);
    done();
  });
};
