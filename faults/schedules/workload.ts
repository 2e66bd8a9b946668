import { setTimeout as wait } from "node:timers/promises";
import type { KnownSession, KnownUser } from "../client/recording_client.js";
import type { Stage } from "./stage.js";

const MAX_HELD = 40;

/** Callers of all kinds at random. */
export interface Workload {
  /** Ends the callers, and resolves when the last has its answer. */
  stop(): Promise<void>;
  sessions(): readonly KnownSession[];
}

/** `pauseMs`: most time between the beginnings of two calls of one caller, whatever they take. */
export const startWorkload = (
  stage: Stage,
  users: readonly KnownUser[],
  callers: number,
  pauseMs: number,
): Workload => {
  const { client, replicas, random } = stage;
  const held: KnownSession[] = [];
  let over = false;

  const callOnce = async (): Promise<unknown> => {
    const replica = random.pick(replicas);
    const dice = random.next();
    if (held.length === 0 || dice < 0.08) {
      const session = await client.login(replica, random.pick(users));
      if (session !== undefined) held.push(session);
      return;
    }
    const session = random.pick(held.slice(-MAX_HELD));
    if (dice < 0.8) return client.validate(replica, session, { back: random.below(2) });
    if (dice < 0.92) return client.refresh(replica, session, random.pick([0, 0, 0, 0, 0, 1, 1, 2]));
    if (dice < 0.96) return client.logout(replica, session);
    if (dice < 0.99) return client.revoke(replica, session);
    return client.revokeUser(replica, session.user);
  };
  const calling = Array.from({ length: callers }, async () => {
    while (!over) {
      const next = performance.now() + random.below(pauseMs);
      await callOnce();
      await wait(Math.max(0, next - performance.now()));
    }
  });
  return {
    async stop() {
      over = true;
      await Promise.all(calling);
    },
    sessions: () => held,
  };
};
