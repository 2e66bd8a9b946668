import type { Purpose } from "../settings.js";
import {
  bootstrapPasswordLength,
  bootstrapPasswordWarning,
  issuerInProduction,
  keysEncryptedInProduction,
  keysInClearWarning,
  mutualTls,
  pairsComplete,
} from "./credentials.js";
import {
  clearTextWarning,
  distinctPorts,
  embeddedOnLoopback,
  gatewayPort,
  noneOnLoopback,
  processMemoryWarning,
  sharedStores,
} from "./hosting.js";
import type { Rule } from "./rule.js";
import { accessWithinLifetime, idleWithinLifetime } from "./timeouts.js";
import { issuersOverTls } from "./trusted_issuers.js";

/** What stops each kind of start. */
export const RULES: Readonly<Record<Purpose, readonly Rule[]>> = {
  serve: [
    embeddedOnLoopback,
    sharedStores,
    distinctPorts,
    noneOnLoopback,
    pairsComplete,
    mutualTls,
    issuerInProduction,
    keysEncryptedInProduction,
    bootstrapPasswordLength,
    idleWithinLifetime,
    accessWithinLifetime,
    issuersOverTls,
  ],
  gateway: [gatewayPort, pairsComplete],
  database: [embeddedOnLoopback],
  keys: [embeddedOnLoopback, keysEncryptedInProduction],
};

/** Rules whose findings are only warnings. */
export const WARNINGS: Readonly<Record<Purpose, readonly Rule[]>> = {
  serve: [clearTextWarning, processMemoryWarning, keysInClearWarning, bootstrapPasswordWarning],
  gateway: [],
  database: [],
  keys: [keysInClearWarning],
};
