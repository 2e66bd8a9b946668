/** One direction of a network: what enters leaves in order, late, or not until `release`. */
export interface FaultyLink {
  carry(deliver: () => void): void;
  hold(): void;
  release(): void;
  /** Applies to messages that enter from now on; 0 also delivers the messages under way at once. */
  delay(milliseconds: number): void;
  /** Drops the messages under way. */
  clear(): void;
}

interface Parcel {
  readonly deliver: () => void;
  readonly due: number;
}

export function createFaultyLink(): FaultyLink {
  let parcels: Parcel[] = [];
  let held = false;
  let latency = 0;
  let timer: NodeJS.Timeout | undefined;

  const deliverDue = () => {
    clearTimeout(timer);
    for (let next = parcels[0]; next !== undefined && !held; next = parcels[0]) {
      const wait = latency === 0 ? 0 : next.due - performance.now();
      if (wait > 0) {
        timer = setTimeout(deliverDue, wait);
        return;
      }
      parcels.shift();
      next.deliver();
    }
  };

  return {
    carry(deliver) {
      parcels.push({ deliver, due: performance.now() + latency });
      deliverDue();
    },
    hold() {
      held = true;
    },
    release() {
      held = false;
      deliverDue();
    },
    delay(milliseconds) {
      latency = milliseconds;
      deliverDue();
    },
    clear() {
      clearTimeout(timer);
      parcels = [];
    },
  };
}
