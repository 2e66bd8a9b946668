import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** All files below `folder` of the repository at `root`, in order of their paths. */
export function readSourceFiles(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({
      path: file.slice(join(root, "/").length).replaceAll("\\", "/"),
      text: readFileSync(file, "utf8"),
    }));
}

export function isScript(file: SourceFile): boolean {
  return /\.tsx?$/.test(file.path);
}

// Statements begin a line, as the formatter writes them; so prose and examples in comments are no imports.
const STATEMENT = /^(?:import|export)\b[\w\s{},*$]*?(?:\bfrom\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"/g;
const COMMENT_LINE = /^\s*(?:\/\/|\/?\*).*$/gm;

/** Returns the import specifiers of the file as written, including those of types and of dynamic imports. */
export function findSpecifiers({ text }: SourceFile): string[] {
  const code = text.replace(COMMENT_LINE, "");
  return [STATEMENT, DYNAMIC].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match[1] as string),
  );
}

/** `src/core/session.ts` → `src/core/session`: the same name for an import of `.js` and for its source in `.tsx`. */
export function moduleName(path: string): string {
  return path.replace(/\.(?:tsx?|js)$/, "");
}

/** Name of the module that `specifier`, imported by `file`, means; undefined for a package. */
export function resolveImport(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return moduleName(posix.join(posix.dirname(file.path), specifier));
}
