// Copies into a package's dist/ what its `exports` reach of the compiled sources, and the licence beside it.
// npm runs it before it packs curfew-validator or curfew-client. It fails on an import of a package that the
// manifest does not declare, and on a declared one that nothing imports.
//
//   node scripts/stage_package.mjs packages/<name>
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(new URL(".", import.meta.url)), "..");
const folder = resolve(process.argv[2] ?? ".");

const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The files of `exports`, without the package's own manifest. */
const entries = Object.values(manifest.exports).flatMap((target) =>
  typeof target === "string" ? [] : Object.values(target),
);

/** `@scope/name/path` to `@scope/name`. */
const packageOf = (specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

/** The files that `file` imports, and its declarations; adds the packages to `packages`. */
const importsOf = (file, packages) => {
  const text = readFileSync(join(root, file), "utf8");
  const files = [];
  for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)) {
    if (!specifier.startsWith(".")) {
      if (!isBuiltin(specifier)) packages.add(packageOf(specifier));
      continue;
    }
    const target = join(dirname(file), specifier);
    files.push(target, target.replace(/\.js$/, ".d.ts"));
  }
  return files;
};

const collect = () => {
  const [files, packages] = [new Set(), new Set()];
  const open = [...entries];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue;
    if (!existsSync(join(root, file))) throw new Error(`${file} is missing; ${folder} exports it.`);
    files.add(file);
    open.push(...importsOf(file, packages));
  }
  return { files, packages };
};

execFileSync(process.execPath, [join(root, "scripts/build.mjs")], { stdio: "inherit" });

const { files, packages } = collect();
const declared = new Set([
  ...Object.keys(manifest.dependencies ?? {}),
  ...Object.keys(manifest.peerDependencies ?? {}),
]);
const differing = [
  ...[...packages].filter((name) => !declared.has(name)).map((name) => `does not declare ${name}`),
  ...[...declared].filter((name) => !packages.has(name)).map((name) => `needs no ${name}`),
];
if (differing.length > 0)
  throw new Error(`${relative(root, folder)}/package.json ${differing.join(", ")}.`);

rmSync(join(folder, "dist"), { recursive: true, force: true });
for (const file of files) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  cpSync(join(root, file), join(folder, file));
}
cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
