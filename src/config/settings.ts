import type { z } from "zod";
import type { SETTINGS, SettingKey } from "./settings_table.js";

/** The value of each setting as its text says it, before settings are looked at together. */
export type GivenSettings = {
  readonly [Key in SettingKey]: z.output<(typeof SETTINGS)[Key]["schema"]>;
};

/**
 * The configuration of this process: every setting in natural units (milliseconds, bytes), with defaults filled in,
 * checked alone and together. The names are those of `SETTINGS`, where each is explained.
 */
export interface Settings extends Omit<GivenSettings, "jwtIssuer" | "serviceAuth"> {
  readonly jwtIssuer: string;
  /** Whether `jwtAlgorithm` was set; else it is the default. */
  readonly jwtAlgorithmIsGiven: boolean;
  readonly serviceAuth: NonNullable<GivenSettings["serviceAuth"]>;
  /** Whether NODE_ENV is `production`. */
  readonly production: boolean;
  /** Whether the database is the embedded one: there is no `databaseUrl`. */
  readonly embedded: boolean;
  /** What looks wrong but does not stop the start; one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * The purpose for which the settings are read. Each purpose requires only the settings that it needs, so that a
 * migration job runs without signing keys.
 * - `serve`: the service.
 * - `gateway`: the REST gateway as a process of its own.
 * - `database`: work on the database alone (migrations, service keys, first user).
 * - `keys`: work on the signing keys in the database.
 */
export type Purpose = "serve" | "gateway" | "database" | "keys";
