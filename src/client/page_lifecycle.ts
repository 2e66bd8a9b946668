/**
 * Calls back when the page may have slept, been frozen, offline or in the
 * back/forward cache: timers are late, and what other tabs said was missed.
 * Returns the function that stops it.
 */
export function watchPage(onWake: () => void): () => void {
  if (typeof window === "undefined") return () => undefined;
  const onVisible = () => {
    if (page?.visibilityState !== "hidden") onWake();
  };
  const page = globalThis.document as Document | undefined;
  const all: (readonly [EventTarget | undefined, string])[] = [
    [window, "pageshow"],
    [window, "focus"],
    [window, "online"],
    [page, "resume"],
    [page, "visibilitychange"],
  ];
  for (const [target, type] of all) target?.addEventListener(type, onVisible);
  return () => {
    for (const [target, type] of all) target?.removeEventListener(type, onVisible);
  };
}
