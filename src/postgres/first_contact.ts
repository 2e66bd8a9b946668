import pg from "pg";
import { unavailable } from "../core/errors.js";
import { databaseFailure } from "./database.js";
import { primaryConnection } from "./primary_host.js";

/** Limits of a first contact, in milliseconds. */
export interface FirstContactLimits {
  /** Gives up after this long. */
  readonly limitMs: number;
  /** Reports what it waits for after this time. */
  readonly noticeMs: number;
}

export const FIRST_CONTACT: FirstContactLimits = { limitMs: 10_000, noticeMs: 2_000 };

/**
 * Opens a connection, runs one query and closes the connection, so that a start or a command learns in bounded time
 * whether the database is available.
 *
 * @param onWait receives one sentence, once, when the answer takes longer than `noticeMs`
 * @throws CurfewError DEPENDENCY_UNAVAILABLE that names host and port, or the error of a database
 * that answered and refuses
 */
export const makeFirstContact = async (
  connection: string | pg.ClientConfig,
  onWait: (sentence: string) => void,
  { limitMs, noticeMs }: FirstContactLimits = FIRST_CONTACT,
): Promise<void> => {
  const client = new pg.Client({
    ...(await primaryConnection(connection)),
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  });
  // If this connection is lost, its query fails; without a listener it would end the process.
  client.on("error", () => undefined);
  const at = `${client.host}:${client.port}`;
  const seconds = limitMs / 1000;
  const notice = setTimeout(
    () => onWait(`waiting for the database at ${at}, for at most ${seconds} s`),
    noticeMs,
  );
  try {
    await client.connect();
    await client.query("SELECT 1");
  } catch (error) {
    throw isSilence(error)
      ? unavailable(
          new Error(
            `${at} said nothing within ${seconds} s: it accepts connections without answering, or a firewall drops them`,
          ),
        )
      : databaseFailure(error);
  } finally {
    clearTimeout(notice);
    // A server that says nothing does not say goodbye either.
    void client.end().catch(() => undefined);
  }
};

const isSilence = (error: unknown): boolean =>
  error instanceof Error && /timeout expired|Query read timeout/.test(error.message);
