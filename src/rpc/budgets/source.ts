import ipaddr from "ipaddr.js";

/** How many of the eight parts of an IPv6 address name a network of one owner: /64. */
const NETWORK_PARTS = 4;

/** The source that budgets count: an IPv4 address, or an IPv6 network (/64), which one host may have whole (D9). */
export const sourceOf = (address: string): string => {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? `${parsed.parts
        .slice(0, NETWORK_PARTS)
        .map((part) => part.toString(16))
        .join(":")}::/64`
    : parsed.toString();
};
