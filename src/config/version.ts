import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const Package = z.object({ name: z.literal("curfew"), version: z.string() });

/** The package's file is above this module, from the sources as from `dist`, and named so by npm. */
const readPackage = (folder: string): z.infer<typeof Package> => {
  try {
    return Package.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  } catch (cause) {
    if (folder !== dirname(folder)) return readPackage(dirname(folder));
    throw new Error("the package is incomplete: its package.json is missing", { cause });
  }
};

/** Which Curfew this is, as in package.json. */
export const VERSION: string = readPackage(dirname(fileURLToPath(import.meta.url))).version;
