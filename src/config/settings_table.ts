import { ACCESS_SETTINGS } from "./sections/access.js";
import { NETWORK_SETTINGS } from "./sections/network.js";
import { OPERATION_SETTINGS } from "./sections/operation.js";
import { SESSION_SETTINGS } from "./sections/sessions.js";
import { STORE_SETTINGS } from "./sections/stores.js";
import { TOKEN_SETTINGS } from "./sections/tokens.js";
import { TRACING_SETTINGS } from "./sections/tracing.js";

/** Every setting, by its name in `Settings`. */
export const SETTINGS = {
  ...NETWORK_SETTINGS,
  ...STORE_SETTINGS,
  ...TOKEN_SETTINGS,
  ...SESSION_SETTINGS,
  ...ACCESS_SETTINGS,
  ...OPERATION_SETTINGS,
  ...TRACING_SETTINGS,
} as const;

export type SettingKey = keyof typeof SETTINGS;

/** The settings as the documents group them. */
export const SECTIONS = [
  { title: "Network", settings: Object.values(NETWORK_SETTINGS) },
  { title: "Stores", settings: Object.values(STORE_SETTINGS) },
  { title: "Tokens and keys", settings: Object.values(TOKEN_SETTINGS) },
  { title: "Sessions", settings: Object.values(SESSION_SETTINGS) },
  { title: "Access", settings: Object.values(ACCESS_SETTINGS) },
  { title: "Operation", settings: Object.values(OPERATION_SETTINGS) },
  { title: "Traces", settings: Object.values(TRACING_SETTINGS) },
] as const;
