interface Waiting {
  readonly weight: number;
  readonly run: () => void;
}

/**
 * A capacity that callers take a part of and give back. While there is not
 * enough of it, they wait: in order within a group, and the groups by turns, so
 * that one connection with a hundred requests delays another one by one request.
 */
export class FairQueue<Group extends object> {
  readonly #groups = new Map<Group, Waiting[]>();
  #used = 0;
  #waiting = 0;

  constructor(
    private readonly capacity: number,
    /** Most callers that wait. */
    private readonly maxWaiting: number,
    /** Calls `next` to let the next caller continue: at once, or in a later turn of the event loop. */
    private readonly schedule: (next: () => void) => void = (next) => next(),
  ) {}

  /** How much is taken. */
  get used(): number {
    return this.#used;
  }

  /** Takes a part if it is available and no other request waits for it. */
  tryTake(weight: number): boolean {
    if (this.#waiting > 0 || (this.#used > 0 && this.#used + weight > this.capacity)) return false;
    this.#used += weight;
    return true;
  }

  /**
   * Waits for a part. `run` is called once it is taken.
   *
   * @returns false: too many wait already
   */
  wait(group: Group, weight: number, run: () => void): boolean {
    if (this.#waiting >= this.maxWaiting) return false;
    this.#waiting += 1;
    const queue = this.#groups.get(group);
    if (queue === undefined) this.#groups.set(group, [{ weight, run }]);
    else queue.push({ weight, run });
    return true;
  }

  /** Gives back a part. */
  give(weight: number): void {
    this.#used -= weight;
    if (this.#waiting > 0) this.schedule(this.#admit);
  }

  readonly #admit = (): void => {
    for (const [group, queue] of this.#groups) {
      const [first] = queue;
      if (first === undefined || (this.#used > 0 && this.#used + first.weight > this.capacity))
        return;
      queue.shift();
      this.#groups.delete(group);
      // Behind all others: the groups take turns.
      if (queue.length > 0) this.#groups.set(group, queue);
      this.#waiting -= 1;
      this.#used += first.weight;
      first.run();
    }
  };
}
