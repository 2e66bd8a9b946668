import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

function* filesIn(root, path) {
  if (!statSync(join(root, path)).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(join(root, path)).sort()) yield* filesIn(root, join(path, name));
}

/** A text that changes when any of these files and folders does, by name or by content. */
export const fingerprintOf = (root, inputs) => {
  const hash = createHash("sha256");
  for (const input of inputs)
    for (const file of filesIn(root, input)) {
      const content = readFileSync(join(root, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
  return hash.digest("hex");
};
