import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import type { Environment } from "./setting.js";

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
};

/**
 * The environment of this process: its variables and, unless NODE_ENV is
 * `production`, those of the file `.env` in the working folder that it does
 * not have itself.
 */
export const readEnvironment = (
  variables: Environment = process.env,
  path = ".env",
): Environment => {
  if (variables.NODE_ENV === "production") return { ...variables };
  return { ...parseEnv(readIfThere(path)), ...variables };
};
