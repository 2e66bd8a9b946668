/// <reference lib="dom" />
import type { SessionManager as Manager } from "../../../src/client/index.js";
import type { Control, RunKind, RunStep, RunTrace, SiteState, StepTrace } from "./run_types.js";

// Runs in the top page of the model's site. Each page of a run is a frame of the
// same origin: a document of its own with a realm, storage, channel, locks and
// cookies as every tab of this browser has them.

type FrameWindow = Window & typeof globalThis & { SessionManager: typeof Manager };

interface Frame {
  element: HTMLIFrameElement;
  manager: Manager;
  readonly own: Map<string, string>;
  readonly events: { type: string; code?: string }[];
}

/** A call that hangs on a held answer is left alone after this, in ms. */
const STEP_MS = 150;
const END_MS = 15_000;
/** The time within which a page has to notice a revocation by the server, in ms. */
const NOTICE_MS = 1000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const within = <T>(ms: number, work: Promise<T>) =>
  Promise.race([work.catch(() => undefined), sleep(ms)]);

const control = async (order: Control): Promise<SiteState> =>
  (await fetch("/control", { method: "POST", body: JSON.stringify(order) })).json();

/** Runs the steps, and returns their trace. */
async function runModel(kind: RunKind, steps: readonly RunStep[]): Promise<RunTrace> {
  const network = { isOffline: false, loses: 0, foreign: [] as number[] };
  let storageFails = false;
  let holds = 0;
  const frames: Frame[] = [];
  localStorage.clear();
  await control({ do: "reset" });

  const isOther = (index: number) => kind.hasOtherApplication && index === kind.pages - 1;

  const send =
    (index: number, win: FrameWindow): typeof fetch =>
    async (input, init = {}) => {
      const shown = frames[index]?.manager.getSnapshot().session?.user_id;
      if (network.isOffline) throw new TypeError("offline");
      const foreign = network.foreign.shift();
      if (foreign !== undefined) {
        return new win.Response(foreign === 204 ? null : "<h1>Proxy</h1>", { status: foreign });
      }
      const headers = new Headers(init.headers);
      headers.set("x-model-page", String(index));
      if (shown !== undefined) headers.set("x-model-shown", shown);
      const response = await win.fetch(input, { ...init, headers });
      if (network.loses > 0) {
        network.loses -= 1;
        throw new TypeError("the answer was lost");
      }
      return response;
    };

  async function load(index: number): Promise<void> {
    const element = document.createElement("iframe");
    const loaded = new Promise((resolve) => element.addEventListener("load", resolve));
    element.src = "/frame";
    document.body.append(element);
    await loaded;
    const win = element.contentWindow as FrameWindow;
    if (kind.channel === "missing") Reflect.deleteProperty(win, "BroadcastChannel");
    if (kind.channel === "throws") {
      Object.assign(win, {
        BroadcastChannel: class {
          constructor() {
            throw new DOMException("", "SecurityError");
          }
        },
      });
    }
    const proto = win.Storage.prototype;
    for (const name of ["setItem", "getItem", "removeItem"] as const) {
      const original = proto[name] as (...items: string[]) => unknown;
      Object.assign(proto, {
        [name](this: Storage, ...items: string[]) {
          if (storageFails) throw new DOMException("", "QuotaExceededError");
          return original.apply(this, items);
        },
      });
    }
    const own = frames[index]?.own ?? new Map<string, string>();
    const manager = new win.SessionManager(location.origin, {
      mode: kind.mode,
      fetch: send(index, win),
      ...(!kind.hasLocks && { locks: null }),
      // Another application has a storage of its own, and cannot read the API's cookies.
      ...(isOther(index) && {
        csrfToken: () => null,
        storage: {
          getItem: (key: string) => own.get(key) ?? null,
          setItem: (key: string, value: string) => void own.set(key, value),
          removeItem: (key: string) => void own.delete(key),
        },
      }),
    });
    const events = frames[index]?.events ?? [];
    frames[index] = { element, manager, own, events };
    for (const type of ["login", "logout", "ended", "changed"] as const) {
      manager.on(type, (event) => {
        events.push({ type, ...("error" in event && { code: event.error.code }) });
      });
    }
  }

  const url = `${location.origin}/data`;
  const POST = { method: "POST", body: "{}" };
  const shown = () => frames.map(({ manager }) => manager.getSnapshot().session?.session_id);

  async function act(step: RunStep, wrong: string[]): Promise<void> {
    const index = "page" in step ? step.page % kind.pages : 0;
    const frame = frames[index];
    if (frame === undefined) return;
    const { manager, events } = frame;
    switch (step.do) {
      case "login":
        return void (await within(STEP_MS, manager.login(step.user, "right")));
      case "get":
        return void (await within(STEP_MS, manager.apiRequest(url)));
      case "post":
        return void (await within(STEP_MS, manager.apiRequest(url, POST)));
      case "refresh":
        return void (await within(STEP_MS, manager.refreshTokens()));
      case "adopt":
        return void (await within(STEP_MS, manager.adoptSession()));
      case "logout": {
        const id = manager.getSnapshot().session?.session_id;
        const told = events.length;
        const check = async () => {
          const { isConfirmed } = await manager.logout();
          if (!isConfirmed || events.slice(told).some(({ type }) => type === "changed")) return;
          const { sessions } = await control({ do: "state" });
          const session = sessions.find((each) => each.id === id);
          if (session && session.ended === null) wrong.push(`a logout of ${id} was confirmed`);
        };
        return void (await within(STEP_MS, check()));
      }
      case "reload":
        manager.close();
        frame.element.remove();
        events.push({ type: "reload" });
        return load(index);
      case "close":
        return manager.close();
      case "hold":
        holds += 1;
        return void (await control({ do: "hold", page: index }));
      case "release":
        return void (await control({ do: "release", page: index }));
      case "offline":
        network.isOffline = true;
        return;
      case "online":
        network.isOffline = false;
        for (const { element } of frames) element.contentWindow?.dispatchEvent(new Event("online"));
        return;
      case "wake":
        for (const { element } of frames) element.contentWindow?.dispatchEvent(new Event("focus"));
        return;
      case "lose":
        network.loses += 1;
        return;
      case "foreign":
        network.foreign.push(step.status);
        return;
      case "storage fails":
        storageFails = true;
        return;
      case "storage works":
        storageFails = false;
        return;
      case "clear storage":
        return localStorage.clear();
      case "end":
      case "jump":
      case "clear cookies":
        await control(step);
    }
  }

  /** Whether the answer to this step surely carries the server's knowledge. */
  const isHeard = (step: RunStep) =>
    ["get", "post"].includes(step.do) &&
    !network.isOffline &&
    network.loses === 0 &&
    network.foreign.length === 0 &&
    holds === 0;

  async function trace(step: RunStep): Promise<StepTrace> {
    const before = shown();
    const told = frames.map(({ events }) => events.length);
    const wrong: string[] = [];
    const { sessions } = await control({ do: "state" });
    const index = "page" in step ? step.page % kind.pages : 0;
    const id = before[index];
    const mustNotice = isHeard(step) && sessions.some((each) => each.id === id && each.ended);
    await act(step, wrong);
    for (let waited = 0; mustNotice && shown()[index] === id; waited += 20) {
      if (waited > NOTICE_MS) {
        wrong.push(`${id}, which has ended, is still shown after ${step.do}`);
        break;
      }
      await sleep(20);
    }
    // Messages to other pages come in a task of their own.
    await sleep(0);
    const after = shown();
    const pages = frames.map(({ events }, at) => ({
      before: before[at],
      after: after[at],
      events: events.slice(told[at]),
    }));
    return { pages, wrong, state: await control({ do: "state" }) };
  }

  try {
    for (let index = 0; index < kind.pages; index++) await load(index);
    const traces: StepTrace[] = [];
    for (const step of steps) traces.push(await trace(step));

    Object.assign(network, { isOffline: false, loses: 0, foreign: [] });
    storageFails = false;
    await control({ do: "release" });
    for (const { element } of frames) element.contentWindow?.dispatchEvent(new Event("online"));
    const ask = async ({ manager }: Frame): Promise<number | string> =>
      (await within(
        END_MS,
        manager.apiRequest(url, POST).then(
          ({ status }) => status,
          (error: { code?: string }) => error.code ?? String(error),
        ),
      )) ?? "no answer";
    // Twice: the first may find another page's session, which is over as well.
    for (const frame of frames) await ask(frame);
    const end = [];
    for (const frame of frames) {
      const answer = await ask(frame);
      const { status, session } = frame.manager.getSnapshot();
      end.push({ status, session: session?.session_id, answer });
    }
    return { steps: traces, end, state: await control({ do: "state" }) };
  } finally {
    for (const { manager, element } of frames) {
      manager.close();
      element.remove();
    }
  }
}

Object.assign(window, { runModel });
