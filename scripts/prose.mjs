// Checks the prose of comments and documents against scripts/prose/style.yml, with textlint and textlint-rule-prh.
// Of a source file only its comments are read, each on its own line.
//
//   node scripts/prose.mjs
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TextlintKernelDescriptor } from "@textlint/kernel";
import markdown from "@textlint/textlint-plugin-markdown";
import text from "@textlint/textlint-plugin-text";
import { createLinter } from "textlint";
import prh from "textlint-rule-prh";

const style = fileURLToPath(new URL("prose/style.yml", import.meta.url));

/** How a comment begins, by the end of the file's name. */
const COMMENTS = [
  [/\.(ts|tsx|mjs|proto)$/, /^\s*(?:\/\/|\/?\*+)(?!\/)\s?(.*?)(?:\*\/)?$|\s\/\/ (.*)$/],
  [/\.(lua|sql)$/, /--+\s?(.*)$/],
  [/\.(sh|yml|yaml)$/, /(?:^|\s)#\s(.*)$/],
];

/** The comments of a source file, each in its line; all other lines are empty. */
const commentsOf = (source, pattern) =>
  source
    .split("\n")
    .map((line) => {
      const found = pattern.exec(line);
      return found?.[1] ?? found?.[2] ?? "";
    })
    .join("\n");

const linter = createLinter({
  descriptor: new TextlintKernelDescriptor({
    rules: [{ ruleId: "prh", rule: prh.default ?? prh, options: { rulePaths: [style] } }],
    plugins: [
      { pluginId: "markdown", plugin: markdown.default ?? markdown, options: true },
      { pluginId: "text", plugin: text.default ?? text, options: true },
    ],
    filterRules: [],
  }),
});

const files = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" })
  .split("\0")
  .filter((file) => !/^(generated|docs\/guarantees\.md|CHANGELOG\.md|faults\/summary)/.test(file));

let findings = 0;
for (const file of files) {
  const [, pattern] = COMMENTS.find(([names]) => names.test(file)) ?? [];
  if (pattern === undefined && !file.endsWith(".md")) continue;
  const source = readFileSync(file, "utf8");
  const { messages } = await (pattern === undefined
    ? linter.lintText(source, file)
    : linter.lintText(commentsOf(source, pattern), `${file}.txt`));
  for (const { line, message } of messages) {
    findings += 1;
    console.log(`${file}:${line}: ${message.replaceAll("\n", " ")}`);
  }
}
console.log(`${findings} ${findings === 1 ? "finding" : "findings"} in the prose`);
process.exitCode = findings === 0 ? 0 : 1;
