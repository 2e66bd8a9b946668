import { isLoopback } from "../network_values.js";
import type { Rule } from "./rule.js";

/** Whether an attacker on the network path could change the response. */
const isInClear = (address: string, production: boolean): boolean => {
  const { protocol, hostname } = new URL(address);
  const isLocal = isLoopback(hostname.replace(/^\[|\]$/g, ""));
  return protocol === "http:" && (production || !isLocal);
};

/** Keys that decide who signs in must come over TLS. */
export const issuersOverTls: Rule = ({ values, production }) =>
  (values.trustedIssuers ?? []).flatMap(({ issuer, jwksUri }, index) =>
    [
      ["issuer", issuer] as const,
      ...(jwksUri === undefined ? [] : [["jwks_uri", jwksUri] as const]),
    ]
      .filter(([, address]) => isInClear(address, production))
      .map(
        ([member, address]) =>
          `TRUSTED_ISSUERS_FILE: issuers[${index}].${member} is ${address}, and plain http is allowed only on loopback outside production: use https.`,
      ),
  );
