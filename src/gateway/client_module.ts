import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contentTypeOf, type PageFile } from "./pages.js";

const ENTRY = "/assets/curfew-client.js";

const script = (read: () => Promise<Buffer | string>): PageFile => ({
  contentType: contentTypeOf("curfew-client.js"),
  read,
});

/** Callers that arrive while work is under way share its result. */
const shared = <Result>(work: () => Promise<Result>): (() => Promise<Result>) => {
  let underWay: Promise<Result> | undefined;
  return () => {
    underWay ??= work().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
};

const bundle = async (entry: string): Promise<string> => {
  const esbuild = await import("esbuild");
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
};

/**
 * `curfew/client` for a page to import, at `/assets/curfew-client.js`: the built modules as they are, for they import
 * nothing but each other; when the gateway runs from the sources, a bundle that is made at the first request.
 */
export const clientModule = async (): Promise<ReadonlyMap<string, PageFile>> => {
  const folder = fileURLToPath(new URL("../client", import.meta.url));
  if (!existsSync(join(folder, "index.js"))) {
    return new Map([[ENTRY, script(shared(() => bundle(join(folder, "index.ts"))))]]);
  }
  const names = (await readdir(folder)).filter((name) => name.endsWith(".js"));
  return new Map([
    [ENTRY, script(async () => 'export * from "./client/index.js";\n')],
    ...names.map((name): [string, PageFile] => [
      `/assets/client/${name}`,
      script(() => readFile(join(folder, name))),
    ]),
  ]);
};
