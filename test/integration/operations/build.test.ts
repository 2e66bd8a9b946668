import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { complaintAboutNode as complaintOfScripts } from "../../../scripts/node_version.mjs";
import { complaintAboutNode } from "../../../src/cli/node_version.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { waitUntil } from "../../support/wait_until.js";

/**
 * Stands for tsc: notes that it runs, waits while there is a file `hold`, then writes the source
 * that it was given as the output, in two steps, so that a build that is cut off is half done.
 */
const COMPILER = `
const { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const out = process.argv[process.argv.indexOf("--outDir") + 1];
appendFileSync("runs", "x");
mkdirSync(out + "/src/cli", { recursive: true });
writeFileSync(out + "/half", "");
(function wait() {
  if (existsSync("hold")) return setTimeout(wait, 20);
  const source = readFileSync("src/cli/main.ts", "utf8");
  if (source.includes("wrong")) process.exit(2);
  writeFileSync(out + "/src/cli/main.js", source);
})();
`;

let root: string;
const path = (name: string): string => join(root, name);
const write = (name: string, text: string): void => {
  mkdirSync(dirname(path(name)), { recursive: true });
  writeFileSync(path(name), text);
};
beforeEach(() => {
  root = makePrivateFolder("build");
  for (const name of readdirSync("scripts").filter((name) => name.endsWith(".mjs")))
    cpSync(join("scripts", name), path(`scripts/${name}`));
  write("package.json", '{"type": "module"}');
  write("tsconfig.json", "{}");
  write("tsconfig.build.json", "{}");
  write("generated/a.ts", "");
  write("src/cli/main.ts", "one");
  write("src/redis/scripts/a.lua", "return 1");
  write("node_modules/typescript/package.json", '{"bin": {"tsc": "./tsc.cjs"}}');
  write("node_modules/typescript/tsc.cjs", COMPILER);
});

const start = () => {
  const child = spawn(process.execPath, [path("scripts/build.mjs")], { cwd: root });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, told }));
  return { child, ended };
};
const build = () => start().ended;
const compiled = () => readFileSync(path("dist/src/cli/main.js"), "utf8");
const runs = () => (existsSync(path("runs")) ? readFileSync(path("runs"), "utf8").length : 0);
const leftovers = () => readdirSync(path(".build"));
const DONE = { code: 0, told: "" };

describe("the build", { timeout: 60_000 }, () => {
  test("compiles once, and again when a source changes, comes or goes", async () => {
    expect(await build()).toEqual(DONE);
    expect(compiled()).toBe("one");
    expect(readFileSync(path("dist/src/redis/scripts/a.lua"), "utf8")).toBe("return 1");
    expect(await build()).toEqual(DONE);
    expect(runs()).toBe(1);

    write("src/cli/main.ts", "two");
    expect(await build()).toEqual(DONE);
    expect(compiled()).toBe("two");
    write("src/other.ts", "");
    await build();
    rmSync(path("src/other.ts"));
    await build();
    expect(runs()).toBe(4);
    expect(leftovers()).toEqual([]);
  });

  test("replaces a dist of an older kind, a half one, and leaves nothing of it", async () => {
    write("dist/src/cli/main.js", "stale");
    write("dist/gone.js", "");
    expect(await build()).toEqual(DONE);
    expect(compiled()).toBe("one");
    expect(existsSync(path("dist/gone.js"))).toBe(false);
  });

  test("two at once in one checkout: one compiles, both end well", async () => {
    write("hold", "");
    const both = [start(), start()];
    await waitUntil("one compiles", () => runs() > 0);
    rmSync(path("hold"));
    for (const { ended } of both) expect(await ended).toEqual(DONE);
    expect(runs()).toBe(1);
    expect(compiled()).toBe("one");
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "cut off by %s it leaves dist as it was",
    async (signal) => {
      await build();
      write("src/cli/main.ts", "two");
      write("hold", "");
      const { child, ended } = start();
      await waitUntil("it compiles", () => runs() === 2);
      child.kill(signal);
      expect((await ended).code).toBe(signal === "SIGINT" ? 130 : 143);
      expect(compiled()).toBe("one");
      expect(leftovers()).toEqual([]);
      rmSync(path("hold"));
      expect(await build()).toEqual(DONE);
      expect(compiled()).toBe("two");
    },
  );

  test("killed outright it leaves a lock and a folder that the next build clears away", async () => {
    write("hold", "");
    const { child, ended } = start();
    await waitUntil("it compiles", () => runs() === 1);
    child.kill("SIGKILL");
    rmSync(path("hold"));
    await ended;
    expect(existsSync(path("dist"))).toBe(false);
    expect(await build()).toEqual(DONE);
    expect(compiled()).toBe("one");
    expect(leftovers()).toEqual([]);
  });

  test("sources that do not compile leave dist as it was, and say so", async () => {
    await build();
    write("src/cli/main.ts", "wrong");
    expect(await build()).toEqual({
      code: 1,
      told: "The sources do not compile; dist/ is as it was.\n",
    });
    expect(compiled()).toBe("one");
    expect(leftovers()).toEqual([]);
  });

  test("without TypeScript a current dist will do; else one sentence says what to do", async () => {
    await build();
    rmSync(path("node_modules"), { recursive: true });
    expect(await build()).toEqual(DONE);
    write("src/cli/main.ts", "two");
    const old = await build();
    expect(old).toMatchObject({ code: 1 });
    expect(old.told).toMatch(
      /^dist\/ is older than the sources, and TypeScript is not installed .*run `npm ci && npm run build` first[^\n]*\n$/,
    );
    rmSync(path("dist"), { recursive: true });
    expect((await build()).told).toMatch(/^dist\/ is missing, and TypeScript is not installed/);
  });

  test("in an installed package, which has no sources, there is nothing to do", async () => {
    rmSync(path("src"), { recursive: true });
    expect(await build()).toEqual(DONE);
    expect(existsSync(path(".build"))).toBe(false);
  });

  test.skipIf(process.getuid?.() === 0)(
    "a folder that cannot be written is one sentence",
    async () => {
      chmodSync(root, 0o500);
      const { code, told } = await build();
      chmodSync(root, 0o700);
      expect(code).toBe(1);
      expect(told).toMatch(/^dist\/ cannot be built: EACCES[^\n]*\n$/);
    },
  );
});

test("a Node that is too old gets one sentence, from the build and from the command", () => {
  const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as {
    engines: { node: string };
  };
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? [];
  for (const complain of [complaintAboutNode, complaintOfScripts]) {
    expect(complain("18.20.4")).toMatch(
      /^Curfew needs Node \d+\.\d+ or newer, and this is 18\.20\.4: /,
    );
    expect(complain(`${major}.${Number(minor) - 1}.0`)).toContain(`needs Node ${major}.${minor} `);
    for (const good of [`${major}.${minor}.0`, "20.20.2", "22.0.0", "24.1.0"])
      expect(complain(good)).toBeUndefined();
  }
  // The code that an old Node runs before it can complain must import nothing that the old Node may lack.
  expect(readFileSync("src/cli/node_version.ts", "utf8")).not.toMatch(/^import /m);
  expect(readFileSync("src/cli/main.ts", "utf8").match(/^import /gm)).toHaveLength(1);
});

test("no dependency asks for a newer Node than ours of today's oldest line: npm would warn", () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    packages: Record<string, { engines?: { node?: string } }>;
  };
  const needsNewer = Object.entries(packages).filter(
    ([, { engines }]) =>
      /^>= ?(2[1-9]|[3-9]\d)/.test(engines?.node ?? "") && !engines?.node?.includes("||"),
  );
  expect(needsNewer.map(([name]) => name)).toEqual([]);
});
