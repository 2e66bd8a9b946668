import type { Settings } from "../config/settings.js";
import type { KeyAlgorithm, KeyState, KeyUse } from "../core/ports/key_store.js";
import type { ServiceKey, ServiceScope } from "../core/ports/service_key_store.js";
import type { ImportProgress, ImportRow, ImportWatcher } from "../core/users/import_users.js";
import type { NewUser } from "../core/users/manage_users.js";
import type { User } from "../core/users/user.js";
import type { Logger } from "../telemetry/logger.js";
import type { FirstUser } from "./output/first_user.js";

/** A service key without what could prove anything. */
export type ServiceKeySummary = Omit<ServiceKey, "hash">;

/** A signing or refresh key without its secret. Times are milliseconds since the epoch. */
export interface KeySummary {
  readonly kid: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  readonly state: KeyState;
  readonly createdAt: number;
  /** Whether the secret is encrypted under KEY_ENCRYPTION_KEY. */
  readonly sealed: boolean;
  /** When a `next` key may sign. */
  readonly signsFrom?: number | undefined;
  /** When the last token of a `retiring` key is dead. */
  readonly retirableFrom?: number | undefined;
}

export interface Migrations {
  /** Names, in the order of application. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/**
 * The operations that the command line runs without a call to a server: starting the server, and work on the database.
 * The composition root implements them. Each function opens the connections that it needs and closes them before it
 * resolves. The command line prints the message of a failure to the operator.
 */
export interface LocalAdmin {
  /**
   * Runs the service; resolves when it has stopped gracefully, rejects when it cannot start.
   *
   * @param tell receives the user that a first start creates; its password cannot be read again later
   */
  serve(settings: Settings, logger: Logger, tell: (user: FirstUser) => void): Promise<void>;
  /** Runs the REST gateway alone, against `settings.gatewayTarget`. */
  gateway(settings: Settings, logger: Logger): Promise<void>;

  /**
   * Resolves when the database of the settings answers; rejects in bounded time when it does not.
   *
   * @param onWait receives a sentence that says what the function waits for, when it takes long
   */
  reachDatabase(settings: Settings, onWait: (sentence: string) => void): Promise<void>;

  /**
   * Resolves to the names of the migrations that this call applied.
   *
   * @param onWait receives a sentence about the other process that migrates, as long as this one waits for it
   */
  migrateUp(settings: Settings, onWait: (sentence: string) => void): Promise<readonly string[]>;
  migrateStatus(settings: Settings): Promise<Migrations>;
  /** After a backup was restored. Resolves to the revision after which the next revocations come. */
  markRestored(settings: Settings): Promise<bigint>;

  /** Resolves to the key and its text, which cannot be had again. */
  createServiceKey(
    settings: Settings,
    key: { readonly name: string; readonly scopes: readonly ServiceScope[] },
  ): Promise<{ readonly key: ServiceKeySummary; readonly text: string }>;
  listServiceKeys(settings: Settings): Promise<readonly ServiceKeySummary[]>;
  /** Resolves to false when there is no such key. */
  revokeServiceKey(settings: Settings, keyId: string): Promise<boolean>;

  listKeys(settings: Settings): Promise<readonly KeySummary[]>;
  rotateKey(
    settings: Settings,
    how: { readonly use: KeyUse; readonly immediately: boolean },
  ): Promise<KeySummary>;
  retireKey(settings: Settings, kid: string, how: { readonly force: boolean }): Promise<void>;

  /** Creates a user in the database, for the first set-up. */
  createUser(settings: Settings, user: NewUser): Promise<User>;
  /** Takes users of another system into the database; see `core/users/import_users.ts`. */
  importUsers(
    settings: Settings,
    rows: AsyncIterable<ImportRow>,
    watcher: ImportWatcher,
    how: { readonly dryRun: boolean },
  ): Promise<ImportProgress>;
}

/** Loads the composition root: commands that only call a server do without its weight. */
export type OpenLocalAdmin = () => Promise<LocalAdmin>;
