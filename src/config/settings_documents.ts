import { z } from "zod";
import type { Setting } from "./setting.js";
import { SECTIONS } from "./settings_table.js";

/** The default in words, as Markdown. */
const describeDefault = ({ fallback, fallbackDoc }: Setting): string => {
  if (typeof fallback === "object") {
    return `\`${fallback.development}\`, in production \`${fallback.production}\``;
  }
  if (fallback === undefined) return fallbackDoc ?? "none";
  return fallback === "" ? "none" : `\`${fallback}\``;
};

const kindOf = ({ schema }: Setting): string => {
  const described = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return (described instanceof z.ZodType && described.description) || "";
};

/** Every setting as Markdown: a heading and a table for each group. */
export const renderSettingsMarkdown = (): string =>
  SECTIONS.map(({ title, settings }) =>
    [
      `## ${title}`,
      "",
      "| setting | value | default | what it does |",
      "| --- | --- | --- | --- |",
      ...settings.map(
        (declared: Setting) =>
          `| \`${declared.name}\` | ${kindOf(declared)} | ${describeDefault(declared)} | ${declared.doc} |`,
      ),
      "",
    ].join("\n"),
  ).join("\n");

const plain = (markdown: string): string => markdown.replaceAll("`", "");

/** Every setting as a `.env` file in which all lines are commented out. */
export const renderEnvironmentExample = (): string =>
  [
    "# Settings of Curfew. Copy this file to .env (read outside production) and uncomment what you need.",
    "# Made from the settings' schema; a test compares it.",
    ...SECTIONS.flatMap(({ title, settings }) => [
      "",
      `## ${title}`,
      ...settings.flatMap((declared: Setting) => {
        const { fallback } = declared;
        const value = typeof fallback === "object" ? fallback.development : (fallback ?? "");
        return [
          "",
          `# ${plain(declared.doc)}`,
          `# Value: ${plain(kindOf(declared))}. Default: ${plain(describeDefault(declared))}.`,
          `#${declared.name}=${value}`,
        ];
      }),
    ]),
    "",
  ].join("\n");
