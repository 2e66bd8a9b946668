import { vi } from "vitest";
import { SessionManager } from "../../../../src/client/index.js";
import { createMemoryStore, type KeyValueStore } from "../../../../src/client/key_value_store.js";
import { createQueuedLocks } from "../queued_locks.js";
import { createModelServer, type ModelRequest } from "./server.js";

/** The features that a browser has or lacks. */
export interface BrowserKind {
  readonly mode: "cookie" | "bearer";
  readonly hasLocks: boolean;
  readonly channel: "works" | "throws" | "missing";
  /** Whether the last page is of another application: it shares cookies alone. */
  readonly hasOtherApplication: boolean;
  readonly pages: number;
}

/** The events that have happened to a page. */
export interface ModelPage {
  manager: SessionManager;
  readonly storage: ReturnType<typeof createMemoryStore>;
  readonly events: { readonly type: string; readonly code?: string }[];
  isHeld: boolean;
  /** Frozen: it sees no answer, message or event until it is resumed. Its timers go on, as if they all fired late. */
  isSuspended: boolean;
  readonly waiting: (() => void)[];
}

const openChannels = new Set<FakeChannel>();
/** The page whose code is running, as far as a step knows. */
let acting: ModelPage | undefined;

class FakeChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly page = acting;
  constructor(readonly name: string) {
    openChannels.add(this);
  }
  postMessage(data: unknown) {
    const copy = structuredClone(data);
    for (const other of openChannels) {
      if (other === this || other.name !== this.name) continue;
      const deliver = () => other.onmessage?.({ data: copy });
      if (other.page?.isSuspended) other.page.waiting.push(deliver);
      else queueMicrotask(deliver);
    }
  }
  close() {
    openChannels.delete(this);
  }
}

class RefusedChannel {
  constructor() {
    throw new Error("no channel here");
  }
}

/** One browser with its pages, its cookies and its network, against the model's server. */
export function createModelBrowser(kind: BrowserKind) {
  openChannels.clear();
  const window = new EventTarget();
  vi.stubGlobal("window", window);
  vi.stubGlobal(
    "BroadcastChannel",
    { works: FakeChannel, throws: RefusedChannel, missing: undefined }[kind.channel],
  );
  const server = createModelServer();
  const jar = new Map<string, string>();
  const shared = createMemoryStore();
  /** A storage that is full or refused for a while, for all pages at once. */
  const openStore = (kept: KeyValueStore): KeyValueStore => {
    const attempt = <T>(work: () => T): T => {
      if (network.storageFails) throw new Error("the storage is refused");
      return work();
    };
    return {
      getItem: (key) => attempt(() => kept.getItem(key)),
      setItem: (key, value) => attempt(() => kept.setItem(key, value)),
      removeItem: (key) => attempt(() => kept.removeItem(key)),
    };
  };
  const locks = kind.hasLocks ? createQueuedLocks() : null;
  const network = {
    isOffline: false,
    loses: 0,
    foreign: [] as number[],
    refusesCookies: false,
    storageFails: false,
  };
  /** The POSTs that were executed: the user of each, and the user that the page showed when it sent the request. */
  const acts: { readonly as: string; readonly shown: string | undefined }[] = [];

  /** @param isGone whether the page has been left, whose code runs no more */
  const send =
    (page: ModelPage, isGone: () => boolean) =>
    async (input: unknown, init: RequestInit = {}) => {
      if (isGone()) throw new TypeError("the page has been left");
      const shown = page.manager.getSnapshot().session?.user_id;
      if (network.isOffline) throw new TypeError("offline");
      const foreign = network.foreign.shift();
      if (foreign !== undefined) {
        return new Response(foreign === 204 ? null : "<h1>Proxy</h1>", { status: foreign });
      }
      const request: ModelRequest = {
        method: init.method ?? "GET",
        path: new URL(String(input)).pathname,
        headers: new Headers(init.headers),
        body: typeof init.body === "string" && init.body ? JSON.parse(init.body) : {},
        cookies: init.credentials === "include" ? new Map(jar) : new Map(),
      };
      const answer = server.answer(request, (own) => {
        if (request.method === "POST") acts.push({ as: own.userId, shown });
      });
      if (network.loses > 0) {
        network.loses -= 1;
        throw new TypeError("the answer was lost");
      }
      if (page.isHeld || page.isSuspended)
        await new Promise<void>((resolve) => page.waiting.push(resolve));
      // The browser takes cookies over although the page may have given up.
      if (!network.refusesCookies) {
        for (const [name, value] of answer.cookies ?? []) {
          if (value === null) jar.delete(name);
          else jar.set(name, value);
        }
      }
      if (isGone()) throw new TypeError("the page has been left");
      const type = answer.status < 400 ? "application/json" : "application/problem+json";
      return new Response(JSON.stringify(answer.body), {
        status: answer.status,
        headers: { "content-type": type, ...answer.headers },
      });
    };

  function open(page: ModelPage, isOther: boolean): void {
    acting = page;
    const manager: SessionManager = new SessionManager("https://api.example", {
      mode: kind.mode,
      storage: openStore(page.storage),
      locks,
      fetch: send(page, () => page.manager !== manager) as typeof fetch,
      // Another application's page cannot read the API's cookies.
      csrfToken: () => (isOther ? null : (jar.get("__Host-csrf") ?? null)),
      language: "en",
    });
    page.manager = manager;
    for (const type of ["login", "logout", "ended", "changed"] as const) {
      manager.on(type, (event) => {
        page.events.push({ type, ...("error" in event && { code: event.error.code }) });
      });
    }
  }

  const isOther = (index: number) => kind.hasOtherApplication && index === kind.pages - 1;
  const pages = Array.from({ length: kind.pages }, (_, index) => {
    const page = {
      storage: isOther(index) ? createMemoryStore() : shared,
      events: [],
      isHeld: false,
      isSuspended: false,
      waiting: [],
    } as unknown as ModelPage;
    open(page, isOther(index));
    return page;
  });

  return {
    kind,
    server,
    jar,
    network,
    pages,
    acts,
    window,
    reload(index: number) {
      const page = pages[index];
      if (!page) return;
      page.manager.close();
      page.isSuspended = false;
      page.isHeld = false;
      // The pending requests belong to the page before; their answers arrive all the same.
      for (const resolve of page.waiting.splice(0)) resolve();
      page.events.push({ type: "reload" });
      open(page, isOther(index));
    },
    clearStorage(index: number) {
      const keys = ["access_token", "refresh_token", "curfew_session", "curfew_logouts"];
      for (const key of keys) pages[index]?.storage.removeItem(key);
    },
    /** Says which page the next code is of. */
    act(index: number) {
      acting = pages[index];
    },
    suspend(index: number) {
      const page = pages[index];
      if (page) page.isSuspended = true;
    },
    resume(index: number) {
      const page = pages[index];
      if (!page?.isSuspended) return;
      page.isSuspended = false;
      for (const resolve of page.waiting.splice(0)) resolve();
      window.dispatchEvent(new Event("resume"));
    },
    release(index: number) {
      const page = pages[index];
      if (!page) return;
      page.isHeld = false;
      if (page.isSuspended) return;
      for (const resolve of page.waiting.splice(0)) resolve();
    },
    close() {
      for (const page of pages) page.manager.close();
      vi.unstubAllGlobals();
    },
  };
}

/** A running model. */
export type ModelBrowser = ReturnType<typeof createModelBrowser>;
