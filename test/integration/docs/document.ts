import { readFileSync } from "node:fs";

/** A fenced block of a document. */
export interface Snippet {
  readonly language: string;
  /** What follows the language, for example `background`. */
  readonly note: string;
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

export const DOCS = new URL("../../../docs/", import.meta.url);

export const readDocument = (name: string): string => readFileSync(new URL(name, DOCS), "utf8");

/** The fenced blocks of a document in their order. */
export const snippetsOf = (markdown: string): Snippet[] =>
  [...markdown.matchAll(/^```(\w*)[ ]?(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? "",
    note: match[2] ?? "",
    text: match[3] ?? "",
    line: markdown.slice(0, match.index).split("\n").length,
  }));

/** Where a document points: what stands in parentheses after a text in brackets. */
export const linksOf = (markdown: string): string[] =>
  [...markdown.replaceAll(/```[\s\S]*?```/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, target]) => target ?? "",
  );

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * A pattern for the output that a document shows, where `…` stands for any text, and on a line of its own for any
 * lines.
 */
export const outputPattern = (shown: string): RegExp =>
  new RegExp(`^${shown.trimEnd().split("…").map(escaped).join("[\\s\\S]*?")}\\s*$`);
