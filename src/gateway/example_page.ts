import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { contentTypeOf, type PageFile } from "./pages.js";

/** The package's folder, from the sources as from `dist/src`. */
const packageFolder = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) {
    folder = dirname(folder);
  }
  return folder;
};

const filesOf = async (folder: string): Promise<string[]> => {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
};

/** The page of `examples/web` under `/example/`. Its files are read anew at each request. */
export const examplePages = async (): Promise<ReadonlyMap<string, PageFile>> => {
  const folder = join(packageFolder(), "examples", "web");
  const pages = new Map<string, PageFile>();
  for (const file of await filesOf(folder)) {
    const name = relative(folder, file).split(sep).join("/");
    const page: PageFile = { contentType: contentTypeOf(name), read: () => readFile(file) };
    pages.set(`/example/${name}`, page);
    if (name === "index.html") pages.set("/example/", page);
  }
  return pages;
};
