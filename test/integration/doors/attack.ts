import { seal, type TokenForge } from "./token_forge.js";

/** A token that must not be good, and where the idea comes from. */
export interface TokenAttack {
  readonly name: string;
  readonly make: (forge: TokenForge) => string;
}

export const attack = (name: string, make: TokenAttack["make"]): TokenAttack => ({ name, make });

/** A header with changed content, properly signed: refused for its content. */
export const header = (name: string, change: (forge: TokenForge) => object): TokenAttack =>
  attack(`header: ${name}`, (forge) =>
    seal({ ...forge.header, ...change(forge) }, forge.claims, forge.sign),
  );

/** Claims that say something else, properly signed. */
export const claim = (name: string, change: (forge: TokenForge) => object): TokenAttack =>
  attack(`claims: ${name}`, (forge) =>
    seal(forge.header, { ...forge.claims, ...change(forge) }, forge.sign),
  );

/** Header and payload as raw text, properly signed. */
export const raw = (
  name: string,
  make: (forge: TokenForge) => readonly [string | Uint8Array, string | Uint8Array],
): TokenAttack => attack(`JSON: ${name}`, (forge) => seal(...make(forge), forge.sign));
