/** An IPv4 address in an IPv6 one (RFC 4291, section 2.5.5.2), with dots or without. */
const MAPPED_IPV4 =
  /^(?:0*:){2,5}(?:0*:)?ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/;

const NETWORK_GROUPS = 4;

const dotted = (high: string, low: string): string =>
  [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255])
    .join(".");

/**
 * What counts as one source wherever addresses are counted or compared (D9): an
 * IPv4 address, or the /64 network of an IPv6 address, of which one host may use
 * any. Written as PostgreSQL writes it (RFC 5952), for example `2001:db8::/64`.
 */
export const sourceOf = (address: string): string => {
  if (!address.includes(":")) return address;
  const text = address.toLowerCase();
  const [, ipv4, high, low] = MAPPED_IPV4.exec(text) ?? [];
  if (ipv4 !== undefined) return ipv4;
  if (high !== undefined && low !== undefined) return dotted(high, low);
  const [head = "", tail] = text.replace(/%.*$/, "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...last]
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, ""));
  while (groups.at(-1) === "0") groups.pop();
  return `${groups.join(":")}::/64`;
};
