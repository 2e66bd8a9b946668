import { gzipSync } from "node:zlib";
import { build, stop } from "esbuild";
import { afterAll, expect, test } from "vitest";

afterAll(() => stop());

const bundle = (contents: string) =>
  build({
    stdin: { contents, resolveDir: ".", loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
  });

const gzipped = (result: Awaited<ReturnType<typeof bundle>>) =>
  gzipSync(result.outputFiles?.[0]?.contents ?? "", { level: 9 }).length;

test("the client needs nothing but itself, and is at most 9 kB", async () => {
  const result = await bundle('export * from "./src/client/index.ts"');
  const inputs = Object.keys(result.metafile?.inputs ?? {});
  expect(inputs.filter((path) => path !== "<stdin>" && !path.startsWith("src/client/"))).toEqual(
    [],
  );
  expect(gzipped(result)).toBeLessThanOrEqual(9000);
});

test("what is not used is left out", async () => {
  const result = await bundle(
    'import { SessionErrorHandler } from "./src/client/index.ts"; export { SessionErrorHandler }',
  );
  expect(gzipped(result)).toBeLessThan(800);
});

test("the hook needs React and the client alone", async () => {
  const result = await build({
    entryPoints: ["src/react/index.ts"],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    jsx: "automatic",
    external: ["react", "react/jsx-runtime"],
  });
  const inputs = Object.keys(result.metafile.inputs);
  expect(inputs.filter((path) => !/^src\/(client|react)\//.test(path))).toEqual([]);
});
