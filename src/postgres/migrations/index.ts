import type { Knex } from "knex";
import * as initial from "./0001_initial.js";
import * as operations from "./0003_operations.js";
import * as passwordAttempts from "./0004_password_attempts.js";
import * as unanswered from "./0005_unanswered.js";
import * as eventIds from "./0006_event_ids.js";
import * as keyTokenLife from "./0007_key_token_life.js";
import * as issuedSessions from "./0008_issued_sessions.js";
import * as usedSubjectTokens from "./0009_used_subject_tokens.js";
import * as readLeases from "./0011_read_leases.js";

export interface Migration {
  readonly name: string;
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}

/** Every migration in order. Never change one that was released; add another. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  operations,
  passwordAttempts,
  unanswered,
  eventIds,
  keyTokenLife,
  issuedSessions,
  usedSubjectTokens,
  readLeases,
];

/** An explicit list, because knex's directory loader confuses .ts with .js. */
export const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: () => Promise.resolve([...MIGRATIONS]),
  getMigrationName: (migration) => migration.name,
  getMigration: (migration) => Promise.resolve(migration),
};
