/**
 * The composition root: with `composition/`, which it opens, the only code that
 * knows everybody.
 */
export { backstage } from "./composition/backstage.js";
export { type Service, startService } from "./composition/service.js";
