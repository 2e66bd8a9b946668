import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import ipaddr from "ipaddr.js";

/** An address without the IPv4-in-IPv6 form of dual-stack sockets. */
const plain = (address: string): string =>
  isIP(address) === 6 ? ipaddr.process(address).toString() : address;

/**
 * The addresses a call came by, the client first and the gateway's peer last: as
 * much of `X-Forwarded-For` as trusted proxies vouch for, and the peer. What an
 * untrusted peer claims is left out, and so is what is no address.
 */
export const clientChain = (request: FastifyRequest): string => {
  const nearestFirst = request.ips ?? [request.ip];
  const end = nearestFirst.findIndex((address) => isIP(address) === 0);
  const known = end === -1 ? nearestFirst : nearestFirst.slice(0, end);
  return known.map(plain).reverse().join(", ");
};
