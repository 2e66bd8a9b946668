import { afterEach, beforeEach } from "vitest";
import {
  type KeyValueStore,
  type SessionEventMap,
  SessionManager,
  type SessionManagerOptions,
} from "../../../src/client/index.js";
import { createMemoryStore } from "../../../src/client/key_value_store.js";
import { createQueuedLocks } from "./queued_locks.js";
import { type SessionService, startSessionService } from "./session_service.js";

/** The next event of a kind. */
export const nextEvent = <Type extends keyof SessionEventMap>(
  manager: SessionManager,
  type: Type,
): Promise<SessionEventMap[Type]> =>
  new Promise((resolve) => {
    const stop = manager.on(type, (event) => {
      stop();
      resolve(event);
    });
  });

/** The text that a promise rejects with the code of, for short assertions. */
export const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "resolved",
    (error: { code?: unknown }) => error.code ?? error,
  );

/** A service for each test of a file, and managers that are closed after it. */
export function createSessionFixture() {
  let service: SessionService;
  const managers: SessionManager[] = [];

  beforeEach(async () => {
    service = await startSessionService();
  });
  afterEach(async () => {
    for (const manager of managers.splice(0)) manager.close();
    await service.close();
  });

  function open(options: SessionManagerOptions = {}): SessionManager {
    const manager = new SessionManager(service.apiBaseUrl, { locks: null, ...options });
    managers.push(manager);
    return manager;
  }

  return {
    get service() {
      return service;
    },
    open,
    async signedIn(options: SessionManagerOptions = {}): Promise<SessionManager> {
      const manager = open(options);
      await manager.login("ada", "correct horse");
      return manager;
    },
    /** Opens tabs of one browser: they share the storage and the locks. */
    browser(shared: SessionManagerOptions = {}) {
      const storage: KeyValueStore = createMemoryStore();
      const locks = createQueuedLocks();
      return {
        storage,
        tab: (own: SessionManagerOptions = {}) => open({ storage, locks, ...shared, ...own }),
      };
    },
    url: (path: string) => service.origin + path,
  };
}
