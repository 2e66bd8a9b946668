// Compiles the sources into dist/, unless dist/ was made from the same sources. It compiles into a temporary folder and
// renames that at the end, so dist/ is never incomplete. One build at a time works in a checkout, and others wait for
// it. An installed package has no sources, and its dist/ already exists.
//
//   node scripts/build.mjs
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { acquireBuildLock } from "./build_lock.mjs";
import { copyAssets } from "./copy_assets.mjs";
import { fingerprintOf } from "./fingerprint.mjs";
import { complaintAboutNode } from "./node_version.mjs";

const root = resolve(fileURLToPath(new URL(".", import.meta.url)), "..");
const dist = join(root, "dist");
const work = join(root, ".build");
const inputs = [
  "src",
  "generated",
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/copy_assets.mjs",
];

class BuildFailure extends Error {}

/** What dist/ was made from; undefined where it is missing, or of a build before there were fingerprints. */
const builtFrom = () => {
  try {
    return JSON.parse(readFileSync(join(dist, "build.json"), "utf8")).fingerprint;
  } catch {
    return undefined;
  }
};

const findCompiler = () => {
  try {
    const manifest = createRequire(join(root, "package.json")).resolve("typescript/package.json");
    return join(manifest, "..", JSON.parse(readFileSync(manifest, "utf8")).bin.tsc);
  } catch {
    throw new BuildFailure(
      `dist/ is ${existsSync(dist) ? "older than the sources" : "missing"}, and TypeScript is not installed (npm ci --omit=dev leaves it out): run \`npm ci && npm run build\` first, or copy a current dist/ here.`,
    );
  }
};

const compile = (compiler, out, onStart) =>
  new Promise((done, fail) => {
    const words = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", out];
    const child = spawn(process.execPath, words, { cwd: root, stdio: "inherit" });
    onStart(child);
    child.on("error", fail);
    child.on("exit", (code) =>
      code === 0
        ? done()
        : fail(new BuildFailure("The sources do not compile; dist/ is as it was.")),
    );
  });

/** Puts a finished folder in the place of dist/. */
const install = (out) => {
  const old = join(work, `old-${process.pid}`);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(out, dist);
  rmSync(old, { recursive: true, force: true });
};

/** Removes the files of killed builds; no other build runs now. */
const removeLeftovers = () => {
  for (const name of readdirSync(work).filter((entry) => /^(new|old)-/.test(entry)))
    rmSync(join(work, name), { recursive: true, force: true });
};

const build = async (fingerprint, compiler) => {
  mkdirSync(work, { recursive: true });
  const release = await acquireBuildLock(join(work, "lock"));
  const out = join(work, `new-${process.pid}`);
  let compiling;
  const stop = (signal) => {
    compiling?.kill(signal);
    rmSync(out, { recursive: true, force: true });
    release();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    // Another build may just have done it.
    if (builtFrom() === fingerprint) return;
    removeLeftovers();
    await compile(compiler, out, (child) => {
      compiling = child;
    });
    copyAssets(root, out);
    writeFileSync(join(out, "build.json"), `${JSON.stringify({ fingerprint })}\n`);
    install(out);
  } finally {
    rmSync(out, { recursive: true, force: true });
    release();
  }
};

const main = async () => {
  const complaint = complaintAboutNode(process.versions.node);
  if (complaint !== undefined) throw new BuildFailure(complaint);
  if (!existsSync(join(root, "src"))) return;
  const fingerprint = fingerprintOf(root, inputs);
  if (builtFrom() === fingerprint) return;
  await build(fingerprint, findCompiler());
};

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildFailure) && !("code" in error)) throw error;
  const what =
    error instanceof BuildFailure ? error.message : `dist/ cannot be built: ${error.message}`;
  process.stderr.write(`${what}\n`);
  process.exitCode = 1;
}
