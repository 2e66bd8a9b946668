import { CurfewError } from "../core/errors.js";

/** TRYAGAIN, or ASK and MOVED in turns: what ioredis says when it has followed them often enough. */
const SIGNS = /TRYAGAIN|Too many Cluster redirections/;

/**
 * Whether a call failed because its slot is being moved to another node of the
 * cluster: while it is, one server has some of a call's keys and another has the
 * rest. Commands with one key work all the same.
 */
export const isSlotMoving = (failure: unknown): boolean =>
  failure instanceof CurfewError
    ? isSlotMoving(failure.cause)
    : failure instanceof Error && SIGNS.test(failure.message);
