import type { ScryptHash } from "./scrypt_hash.js";

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// $7$ N r p salt $ hash: N a letter, r and p five each, the hash 32 bytes in 43
const ENCODED = /^\$7\$([./\w])([./\w]{5})([./\w]{5})([^$]{0,64})\$([./\w]{43})$/;
const HASH_BYTES = 32;
const BITS = 6;

/** Reads the `$7$` form of crypt(5), as libsodium writes it. The salt is used as it is spelt. */
export function readCryptScrypt(encoded: string): ScryptHash | undefined {
  const [, cost, blockSize = "", parallelization = "", salt = "", hash = ""] =
    ENCODED.exec(encoded) ?? [];
  return cost === undefined
    ? undefined
    : {
        cost: 2 ** numberOf(cost),
        blockSize: numberOf(blockSize),
        parallelization: numberOf(parallelization),
        salt: Buffer.from(salt),
        hash: bytesOf(hash),
      };
}

/** Digits of six bits, the least significant first. */
const numberOf = (letters: string): number =>
  [...letters].reduceRight((sum, letter) => sum * 2 ** BITS + ALPHABET.indexOf(letter), 0);

/** Three bytes in four letters, the least significant bits first. */
function bytesOf(letters: string): Buffer {
  const bytes: number[] = [];
  for (let start = 0; start < letters.length; start += 4) {
    const group = numberOf(letters.slice(start, start + 4));
    bytes.push(group & 0xff, (group >> 8) & 0xff, (group >> 16) & 0xff);
  }
  return Buffer.from(bytes.slice(0, HASH_BYTES));
}
