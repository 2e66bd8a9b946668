/**
 * Lets calls at one time share one run of their work. A run is shared for as
 * long as `scope()` stays the same; without a scope, until it has ended.
 */
export function createSingleFlight<Result>(
  scope?: () => unknown,
): (work: () => Promise<Result>) => Promise<Result> {
  let flight: { readonly scope: unknown; readonly done: Promise<Result> } | undefined;
  return (work) => {
    const now = scope?.();
    if (flight === undefined || flight.scope !== now) {
      const done = work().finally(() => {
        if (flight?.done === done) flight = undefined;
      });
      flight = { scope: now, done };
    }
    return flight.done;
  };
}
