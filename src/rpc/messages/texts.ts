import type { Reason } from "../../core/errors.js";

/** The purpose of a text: a failure, or an answer that carries words. */
export type TextKey = Reason | "LOGOUT_DONE";

/** Everything Curfew says to people, in one language. */
export type Texts = Readonly<Record<TextKey, string>>;
