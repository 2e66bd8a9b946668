const WAKE_EVENTS = ["pageshow", "focus", "online", "resume", "visibilitychange"];

/**
 * Calls `onWake` when the page may have slept, been frozen, offline or in the
 * back/forward cache: timers are late, and what other tabs said was missed.
 * Calls `onStored` when what another tab has written to the storage can be read
 * here: browsers show a write to other tabs later than they deliver a message
 * about it. Returns the function that stops both.
 */
export function watchPage(onWake: () => void, onStored: () => void): () => void {
  if (typeof window === "undefined") return () => undefined;
  const page = window;
  const onEvent = ({ type }: Event) => {
    if (type === "storage") onStored();
    else if (globalThis.document?.visibilityState !== "hidden") onWake();
  };
  const types = [...WAKE_EVENTS, "storage"];
  // Events of the document, such as `resume`, pass the window while they are captured.
  for (const type of types) page.addEventListener(type, onEvent, true);
  return () => {
    for (const type of types) page.removeEventListener(type, onEvent, true);
  };
}
