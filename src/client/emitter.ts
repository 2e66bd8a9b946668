/** Typed events, in the order they happened. */
export interface Emitter<Events> {
  /** Returns the function that takes the listener off again. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void;
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void;
}

/** Makes an emitter. A listener that throws is reported, and the others still hear. */
export function createEmitter<Events>(): Emitter<Events> {
  const listeners: { [Type in keyof Events]?: Set<(event: Events[Type]) => void> } = {};
  return {
    on(type, listener) {
      // Wrapped, so that a function given twice is called twice and removed once.
      const entry: typeof listener = (event) => listener(event);
      const set = listeners[type] ?? new Set();
      listeners[type] = set;
      set.add(entry);
      return () => void set.delete(entry);
    },
    emit(type, event) {
      for (const listener of [...(listeners[type] ?? [])]) {
        try {
          listener(event);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
