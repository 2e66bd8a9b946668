import type { BrowserKind } from "./browser.js";
import type { Step } from "./steps.js";

/** Shrunk runs of the model that have failed, of the client or of the model, with what they showed. */
export const regressions: readonly {
  readonly what: string;
  readonly kind: BrowserKind;
  readonly steps: readonly Step[];
}[] = [
  {
    what: "the clock of the browser is set back between two logins, and the first answers last",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "works",
      hasOtherApplication: false,
      pages: 2,
    },
    steps: [
      { do: "hold", page: 0 },
      { do: "login", page: 0, user: "ann" },
      { do: "end" },
      { do: "wait", seconds: -3600 },
      { do: "login", page: 1, user: "ann" },
      { do: "release", page: 0 },
      { do: "get", page: 0 },
    ],
  },
  {
    what: "a closed page signs out after the storage was cleared, while the cookies are there",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "works",
      hasOtherApplication: false,
      pages: 2,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "close", page: 0 },
      { do: "clear storage", page: 0 },
      { do: "logout", page: 0 },
    ],
  },
  {
    what: "what was asked about the session before ends the session after",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "works",
      hasOtherApplication: false,
      pages: 3,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "suspend", page: 0 },
      { do: "hold", page: 1 },
      { do: "wait", seconds: 310 },
      { do: "get", page: 2 },
      { do: "online" },
      { do: "login", page: 2, user: "ann" },
      { do: "resume", page: 0 },
    ],
  },
  {
    what: "a request is sent while the page is signed in as somebody else",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "throws",
      hasOtherApplication: false,
      pages: 2,
    },
    steps: [
      { do: "login", page: 0, user: "bob" },
      { do: "hold", page: 0 },
      { do: "login", page: 0, user: "ann" },
      { do: "login", page: 1, user: "bob" },
      { do: "post", page: 0 },
      { do: "refuse cookies" },
      { do: "release", page: 0 },
    ],
  },
  {
    what: "pages whose storage is full learn of each other's refresh over the channel",
    kind: {
      mode: "cookie",
      hasLocks: true,
      channel: "works",
      hasOtherApplication: false,
      pages: 3,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "storage fails" },
      { do: "wait", seconds: 1000 },
    ],
  },
  {
    what: "a page that was left does nothing more",
    kind: {
      mode: "bearer",
      hasLocks: false,
      channel: "works",
      hasOtherApplication: false,
      pages: 2,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "wait", seconds: -3600 },
      { do: "hold", page: 0 },
      { do: "wait", seconds: 1000 },
      { do: "storage fails" },
      { do: "post", page: 0 },
      { do: "reload", page: 0 },
    ],
  },
  {
    what: "a refresh finds another page's tokens and does not ask the server",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "throws",
      hasOtherApplication: false,
      pages: 2,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "online" },
      { do: "refresh", page: 1 },
      { do: "end" },
      { do: "refresh", page: 0 },
    ],
  },
  {
    what: "the browser refuses the cookies of a second login, and the session before ends",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "works",
      hasOtherApplication: false,
      pages: 2,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "hold", page: 0 },
      { do: "login", page: 0, user: "ann" },
      { do: "refuse cookies" },
      { do: "logout", page: 0 },
      { do: "foreign", status: 200 },
      { do: "release", page: 0 },
      { do: "wait", seconds: 310 },
    ],
  },
  {
    what: "a logout that cannot be delivered is followed by another one, which has nothing to do",
    kind: {
      mode: "cookie",
      hasLocks: false,
      channel: "works",
      hasOtherApplication: true,
      pages: 2,
    },
    steps: [
      { do: "login", page: 0, user: "ann" },
      { do: "hold", page: 0 },
      { do: "login", page: 1, user: "ann" },
      { do: "storage fails" },
      { do: "logout", page: 0 },
      { do: "login", page: 3, user: "ann" },
      { do: "logout", page: 0 },
    ],
  },
];
