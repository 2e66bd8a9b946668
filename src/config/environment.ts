import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import type { Environment } from "./setting.js";
import { SettingsError } from "./settings_error.js";

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([
      `The file ${path} cannot be read (${reason}): allow it, or remove it.`,
    ]);
  }
};

/**
 * The environment of this process: its variables and, unless NODE_ENV is
 * `production`, those of the file `.env` in the working folder that it does
 * not have itself. Throws a SettingsError when there is such a file and it
 * cannot be read.
 */
export const readEnvironment = (
  variables: Environment = process.env,
  path = ".env",
): Environment => {
  if (variables.NODE_ENV === "production") return { ...variables };
  return { ...parseEnv(readIfThere(path)), ...variables };
};
