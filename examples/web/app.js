import {
  NetworkError,
  readProblem,
  SessionError,
  SessionErrorHandler,
  SessionManager,
} from "/assets/curfew-client.js";

const API = "/api/v1";
const MODE_KEY = "curfew_example_mode";
/** A countdown stands out from here on. */
const SOON_MS = 60_000;

/** What the login page says, by the `message` that SessionErrorHandler puts into its address. */
const messages = {
  session_expired: "Your session has expired. Please sign in again.",
  session_revoked: "Your session was ended. Please sign in again.",
  token_revoked: "You were signed out on another device or by an administrator.",
  user_inactive: "This account is no longer active.",
  session_over: "Your session is over. Please sign in again.",
};

/** More exact where the server says why; see `end_reason` of a session. */
const byEndReason = {
  LOGOUT: "You signed out.",
  USER: "You signed this device out from another one.",
  ADMIN: "An administrator signed you out.",
  SESSION_LIMIT: "You signed in on another device, and this one made room for it.",
  PASSWORD_CHANGE: "The password was changed. Please sign in with the new one.",
  REFRESH_REUSE: "This session was ended because its key was used twice. Please sign in again.",
};

const byId = (id) => document.getElementById(id);
const form = byId("sign-in-form");

/** @type {SessionManager} */
let manager;
let openMode = "";
/** The answer to a logout takes the cookies away: a login waits for it. */
let leaving = Promise.resolve();

function say(text, kind = "info") {
  const message = byId("message");
  message.textContent = text;
  message.dataset.kind = kind;
}

/** Says what went wrong; a session that is over shows the login form by itself. */
function explain(error) {
  const isOver = SessionErrorHandler.handleError(error, manager, {
    redirect(path) {
      const code = new URL(path, location.href).searchParams.get("message");
      const idle = error.code === "session_inactivity_timeout";
      const reason = byEndReason[error.metadata?.end_reason];
      say(idle ? "You were signed out because you were away." : (reason ?? messages[code]), "warn");
    },
    notify: (text) => say(text, "warn"),
  });
  if (isOver) return;
  if (error instanceof NetworkError) {
    const next = manager.isAuthenticated ? "You stay signed in." : "Try again in a moment.";
    say(`The server does not answer. ${next}`, "warn");
  } else if (error.code === "credentials_missing" && error.status > 0) {
    say(messages.session_over, "warn");
  } else if (error instanceof SessionError && error.status > 0) {
    const wait = error.retryAfter ? ` Try again in ${Math.ceil(error.retryAfter)} s.` : "";
    say(error.detail + wait, "warn");
  } else if (!(error instanceof SessionError)) throw error;
}

/** Calls the API; gives the answer's body, throws its problem. */
async function call(path, options) {
  const response = await manager.apiRequest(API + path, options);
  if (!response.ok) throw await readProblem(response);
  return response.json();
}

/** Runs what a button does, with the button off meanwhile. */
async function run(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    explain(error);
  } finally {
    button.disabled = false;
  }
}

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

function ago(time) {
  const passed = Date.now() - Date.parse(time);
  const [unit, size] = units.find(([, size]) => passed >= size) ?? [];
  if (!unit) return "just now";
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return format.format(-Math.floor(passed / size), unit);
}

function countdown(until) {
  if (!until) return "–";
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const clock = `${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  if (seconds < 3600) return clock;
  const days = Math.floor(seconds / 86_400);
  return `${days > 0 ? `${days} d ` : ""}${two((seconds % 86_400) / 3600)}:${clock}`;
}

function deviceName() {
  const agent = navigator.userAgent;
  const find = (names) => names.find((name) => agent.includes(name));
  const browser = find(["Firefox", "Edg", "Chrome", "Safari"])?.replace("Edg", "Edge") ?? "Browser";
  const system = find(["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"]) ?? "this device";
  return `${browser} on ${system}`;
}

function deviceItem(session) {
  const item = byId("device").content.cloneNode(true).firstElementChild;
  const part = (name) => item.querySelector(`[data-part="${name}"]`);
  const name = session.device || session.user_agent || "Unknown device";
  item.dataset.sessionId = session.session_id;
  part("name").textContent = name;
  part("current").hidden = !session.current;
  item.dataset.current = String(session.current);
  part("details").textContent =
    `${session.ip} · signed in ${ago(session.created_at)} · active ${ago(session.last_activity_at)}`;
  const revoke = part("revoke");
  if (session.current) revoke.remove();
  revoke.setAttribute("aria-label", `Sign out ${name}`);
  revoke.addEventListener("click", () =>
    run(revoke, async () => {
      await call(`/auth/sessions/${encodeURIComponent(session.session_id)}`, { method: "DELETE" });
      say(`Signed out ${name}.`);
      await showDevices();
      // The button that had the focus has gone with its device.
      byId("devices-title").focus();
    }),
  );
  return item;
}

async function showDevices() {
  const { sessions = [] } = await call("/auth/sessions?page_size=100");
  byId("devices").replaceChildren(...sessions.map(deviceItem));
  byId("sign-out-others").hidden = sessions.length < 2;
}

function showCountdown(id, until) {
  byId(id).textContent = countdown(until);
  byId(id).dataset.soon = String(Boolean(until) && until - Date.now() < SOON_MS);
}

function tick() {
  const { session } = manager.getSnapshot();
  showCountdown("idle", manager.inactivityDeadline);
  showCountdown("maximum", session && Date.parse(session.expires_at));
}

function profileDetails({ username, roles, created_at: createdAt }) {
  const since = new Intl.DateTimeFormat("en", { dateStyle: "long" }).format(new Date(createdAt));
  const called = roles.length === 0 ? "no roles" : `roles: ${roles.join(", ")}`;
  return `${username} · ${called} · here since ${since}`;
}

function show({ status, user }) {
  const isSignedIn = status === "authenticated";
  const wasSignedIn = document.body.dataset.status === "authenticated";
  document.body.dataset.status = status;
  byId("signed-in").hidden = !isSignedIn;
  byId("signed-out").hidden = status !== "unauthenticated";
  byId("mode").hidden = !isSignedIn;
  const name = user?.display_name || user?.username || "Signed in";
  byId("profile-name").textContent = name;
  byId("profile-details").textContent = user ? profileDetails(user) : "";
  tick();
  if (isSignedIn && !wasSignedIn) byId("profile-name").focus();
  if (!isSignedIn && wasSignedIn) byId("username").focus();
  if (!isSignedIn) byId("devices").replaceChildren();
}

/** Asks the server who is signed in, and where. */
function load() {
  byId("devices").replaceChildren();
  const { user } = manager.getSnapshot();
  Promise.all([user ?? manager.loadProfile(), showDevices()]).catch(explain);
}

/** Starts over with a manager of this mode. */
function open(mode) {
  manager?.close();
  openMode = mode;
  manager = new SessionManager(API, { mode, deviceName: deviceName() });
  manager.on("change", show);
  manager.on("ended", ({ error }) => explain(error));
  manager.on("login", () => {
    say("");
    load();
  });
  manager.on("logout", ({ fromOtherTab }) =>
    say(fromOtherTab ? "You signed out in another tab." : "You have signed out."),
  );
  form.elements.mode.value = mode;
  byId("mode").textContent = mode === "cookie" ? "cookie session" : "bearer session";
  show(manager.getSnapshot());
  if (manager.isAuthenticated) load();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { username, password, mode } = form.elements;
  run(byId("sign-in"), async () => {
    await leaving;
    localStorage.setItem(MODE_KEY, mode.value);
    if (mode.value !== openMode) open(mode.value);
    await manager.login(username.value, password.value);
    password.value = "";
  });
});

byId("sign-out").addEventListener("click", ({ currentTarget }) =>
  run(currentTarget, async () => {
    leaving = manager.logout();
    const { isConfirmed } = await leaving;
    if (!isConfirmed) say("Signed out here. The server could not be told.", "warn");
  }),
);

byId("stay").addEventListener("click", ({ currentTarget }) =>
  run(currentTarget, async () => {
    await call("/auth/activity", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    tick();
  }),
);

byId("sign-out-others").addEventListener("click", ({ currentTarget }) =>
  run(currentTarget, async () => {
    const { revoked_sessions: count } = await call("/auth/sessions:revokeOthers", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    say(`Signed out ${count} ${count === 1 ? "device" : "devices"}.`);
    await showDevices();
  }),
);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && manager.isAuthenticated) showDevices().catch(explain);
});
setInterval(tick, 1000);

open(localStorage.getItem(MODE_KEY) ?? "cookie");
const told = new URLSearchParams(location.search).get("message");
if (told && Object.hasOwn(messages, told)) say(messages[told], "warn");
