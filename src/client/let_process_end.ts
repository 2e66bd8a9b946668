/**
 * Keeps an open timer or channel from keeping a process of Node alive. In
 * browsers, where a timer is a number, there is nothing to do.
 */
export const letProcessEnd = (open: unknown): void =>
  (open as { unref?(): void } | undefined)?.unref?.();
