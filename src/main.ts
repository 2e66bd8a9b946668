/**
 * The composition root: with `composition/`, which it opens, the only code that
 * knows everybody.
 */
export { localAdmin } from "./composition/local_admin.js";
export { type Service, startService } from "./composition/service.js";
