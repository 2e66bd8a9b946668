import { stripped } from "./header_text.js";

/**
 * The address in one element of `x-forwarded-for`. Proxies also write it with a
 * port (`203.0.113.9:51234`, `[2001:db8::1]:443`) or in brackets. The result
 * need not be an address: the caller judges that.
 */
export const forwardedAddress = (element: string): string => {
  const text = stripped(element);
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text) ?? [];
  if (bracketed !== undefined) return bracketed;
  const [, beforePort] = /^([^:]*):\d{1,5}$/.exec(text) ?? [];
  return beforePort ?? text;
};
