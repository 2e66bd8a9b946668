/** What a page lives through. */
export interface PageEvents {
  /** It came back from the back/forward cache and has missed what other tabs said. */
  readonly onRestored: () => void;
  readonly onOnline: () => void;
}

/** Listens to the page, where there is one. Returns the function that stops it. */
export function watchPage({ onRestored, onOnline }: PageEvents): () => void {
  if (typeof window === "undefined") return () => undefined;
  const page = window;
  const onPageShow = (event: PageTransitionEvent) => {
    if (event.persisted) onRestored();
  };
  page.addEventListener("pageshow", onPageShow);
  page.addEventListener("online", onOnline);
  return () => {
    page.removeEventListener("pageshow", onPageShow);
    page.removeEventListener("online", onOnline);
  };
}
