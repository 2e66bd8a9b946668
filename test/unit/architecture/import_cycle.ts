import { findSpecifiers, moduleName, resolveImport, type SourceFile } from "./source_file.js";

/** The first ring of modules found that import each other, as `a → b → a`; undefined where there is none. */
export function findImportCycle(files: readonly SourceFile[]): string | undefined {
  const imports = new Map(files.map((file) => [moduleName(file.path), findImportedModules(file)]));
  const finished = new Set<string>();

  const visit = (name: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name].join(" → ");
    if (finished.has(name)) return undefined;
    for (const imported of imports.get(name) ?? []) {
      const cycle = visit(imported, [...trail, name]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(name);
    return undefined;
  };

  for (const name of imports.keys()) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function findImportedModules(file: SourceFile): string[] {
  return findSpecifiers(file)
    .map((specifier) => resolveImport(file, specifier))
    .filter((name) => name !== undefined);
}
