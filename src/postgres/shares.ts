import { WORK_CLASSES, type WorkClass } from "../core/ports/work_class.js";

/** Connections that each class of work has for itself. */
export type Shares = Readonly<Record<WorkClass, number>>;

export const NO_SHARES: Shares = {
  control: 0,
  validation: 0,
  administration: 0,
  sign_in: 0,
  background: 0,
};

/** Classes whose share grows with the pool; each gets this part of it. */
const GROWING: readonly WorkClass[] = ["validation", "administration", "sign_in"];
const GROWING_PART = 1 / 5;

/**
 * Divides a pool of connections. At least one connection stays common, so a
 * pool of fewer than six cannot give each class one of its own; the classes that
 * others depend on come first. Classes without a share take turns at the rest.
 */
export const sharesOf = (poolSize: number): Shares => {
  const shares: Record<WorkClass, number> = { ...NO_SHARES };
  let left = Math.max(0, poolSize - 1);
  for (const work of WORK_CLASSES) {
    const wanted = GROWING.includes(work) ? Math.max(1, Math.floor(poolSize * GROWING_PART)) : 1;
    shares[work] = Math.min(wanted, left);
    left -= shares[work];
  }
  return shares;
};
