import { REASONS, type Reason } from "../core/errors.js";

/**
 * The text of a reason in the language a caller prefers most.
 *
 * @param acceptLanguage the header's value (RFC 9110 section 12.5.4); may be empty
 * @returns the text and its language (BCP 47)
 */
export type Localize = (
  reason: Reason,
  acceptLanguage: string,
) => { readonly text: string; readonly locale: string };

/** Whether a name in upper case is one of the contract's reasons. */
export const isReason = (name: string): name is Reason => Object.hasOwn(REASONS, name);
