import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { UserIntake } from "../ports/user_intake.js";
import { type ImportedUser, importProblem } from "./imported_user.js";
import { type Account, foldUsername } from "./user.js";

/** A row of a file: a user, or why there is none to be read. */
export interface ImportRow {
  /** Where it starts, counted from 1. */
  readonly line: number;
  /** How much of the file has been read when it ends, in bytes. */
  readonly bytesRead: number;
  readonly user: ImportedUser | UnreadableUser;
}

/** A row that holds no importable user. */
export interface UnreadableUser {
  readonly problem: string;
  /** Absent where the row does not tell it. */
  readonly username?: string | undefined;
}

export interface RefusedRow {
  readonly line: number;
  /** Empty when it could not be read. */
  readonly username: string;
  readonly reason: string;
}

/** Counts of rows so far. */
export interface ImportProgress {
  readonly bytesRead: number;
  /** Users made; in a dry run, users that would be. */
  readonly imported: number;
  /** Rows whose username is taken, for example after an interrupted run. */
  readonly existing: number;
  readonly refused: number;
}

export interface ImportWatcher {
  onRefused(row: RefusedRow): void;
  onProgress(progress: ImportProgress): void;
  /** Whether to stop after the rows at hand. */
  isStopped(): boolean;
}

export interface ImportUsersDeps {
  readonly intake: UserIntake;
  readonly ids: IdSource;
  readonly clock: Pick<Clock, "now">;
  /**
   * Resolves to what is wrong with an encoded hash, in words that repeat no part of it, or to undefined if a login can
   * check the hash.
   */
  readonly hashProblem: (encoded: string) => Promise<string | undefined>;
}

const ROWS_AT_ONCE = 500;

/**
 * Imports users of another system with their password hashes, in batches, each whole or not at all. A repetition is
 * safe: existing users stay unchanged. Hashes that are weaker than the current parameters are replaced at the next
 * login. Resolves to the counts; rejects when the store cannot answer.
 */
export const importUsers =
  ({ intake, ids, clock, hashProblem }: ImportUsersDeps) =>
  async (
    rows: AsyncIterable<ImportRow>,
    watcher: ImportWatcher,
    { dryRun }: { readonly dryRun: boolean },
  ): Promise<ImportProgress> => {
    let progress: ImportProgress = { bytesRead: 0, imported: 0, existing: 0, refused: 0 };
    let batch: Account[] = [];
    /** Folded names of the users that a dry run would have created. */
    const wouldBeMade = new Set<string>();

    const write = async (accounts: readonly Account[]): Promise<number> => {
      if (!dryRun) return (await intake.insert(accounts, "system")).size;
      const names = accounts.map(({ username }) => foldUsername(username));
      const taken = await intake.taken(names);
      const free = new Set(names.filter((name) => !taken.has(name) && !wouldBeMade.has(name)));
      for (const name of free) wouldBeMade.add(name);
      return free.size;
    };
    const flush = async (): Promise<void> => {
      const made = batch.length === 0 ? 0 : await write(batch);
      const { imported, existing } = progress;
      progress = {
        ...progress,
        imported: imported + made,
        existing: existing + batch.length - made,
      };
      batch = [];
      watcher.onProgress(progress);
    };
    const refuse = (row: RefusedRow): void => {
      progress = { ...progress, refused: progress.refused + 1 };
      watcher.onRefused(row);
    };

    for await (const { line, bytesRead, user } of rows) {
      progress = { ...progress, bytesRead };
      if ("problem" in user) refuse({ line, username: user.username ?? "", reason: user.problem });
      else {
        const reason = importProblem(user) ?? (await hashProblem(user.passwordHash));
        if (reason !== undefined) refuse({ line, username: user.username, reason });
        else batch.push(accountOf(user, ids, clock.now()));
      }
      if (batch.length >= ROWS_AT_ONCE) await flush();
      if (watcher.isStopped()) break;
    }
    await flush();
    return progress;
  };

const accountOf = (user: ImportedUser, ids: IdSource, now: number): Account => {
  const username = user.username.normalize("NFKC").trim();
  return {
    id: ids.next(now),
    username,
    displayName: user.displayName,
    roles: [...new Set(user.roles)],
    isActive: user.isActive,
    createdAt: now,
    passwordHash: user.passwordHash,
  };
};
