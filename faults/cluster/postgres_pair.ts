import {
  type PostgresServer,
  PRIMARY_SETTINGS,
  promote,
  startPostgres,
  startSynchronousStandby,
} from "../../test/support/postgres.js";

/** A primary with a synchronous standby. As a server it is whichever is the primary. */
export interface PostgresPair extends PostgresServer {
  /**
   * Fails over, and makes another standby.
   *
   * @param play ends the primary that it is given, and promotes the standby before or after that
   */
  failOver(
    play: (primary: PostgresServer, promoteStandby: () => Promise<void>) => Promise<void>,
  ): Promise<void>;
  close(): Promise<void>;
}

export const startPostgresPair = async (): Promise<PostgresPair> => {
  let primary = await startPostgres({ settings: PRIMARY_SETTINGS });
  let standby: PostgresServer;
  try {
    standby = await startSynchronousStandby(primary);
  } catch (error) {
    await primary.stop("immediate");
    throw error;
  }
  return {
    get url() {
      return primary.url;
    },
    get host() {
      return primary.host;
    },
    get port() {
      return primary.port;
    },
    stop: (mode) => primary.stop(mode),
    restart: (mode) => primary.restart(mode),
    pause: () => primary.pause(),
    resume: () => primary.resume(),
    unref: () => primary.unref(),

    async failOver(play) {
      const [old, next] = [primary, standby];
      await play(old, async () => {
        await promote(next);
        primary = next;
      });
      standby = await startSynchronousStandby(primary);
    },

    async close() {
      await Promise.all([primary.stop("immediate"), standby.stop("immediate")]);
    },
  };
};
