import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { renderApiReference } from "../../../scripts/api_reference.js";
import { renderConfiguration } from "../../../scripts/docs_configuration.js";
import { SETTINGS } from "../../../src/config/settings_table.js";
import { readDescriptors, registryOf } from "../../../src/rpc/descriptors.js";
import { DOCS, linksOf, readDocument, snippetsOf } from "./document.js";

const DOCUMENTS = readdirSync(DOCS).filter((name) => name.endsWith(".md"));
const STALE = "run: node --import tsx scripts/docs.ts";

test("docs/api.md is what the proto files say", () => {
  expect(readDocument("api.md") === renderApiReference(readDescriptors()), STALE).toBe(true);
});

test("docs/configuration.md is what the settings' schema says", () => {
  expect(readDocument("configuration.md") === renderConfiguration(), STALE).toBe(true);
});

test("the reference tells who may call each method, and has no link that leads nowhere", () => {
  const text = readDocument("api.md");
  const services = [...registryOf(readDescriptors())].filter(
    (type) => type.kind === "service" && type.typeName.startsWith("curfew."),
  );
  const methods = services.flatMap((service) =>
    service.kind === "service" ? service.methods : [],
  );
  for (const { name } of methods) expect(text).toContain(`\n### ${name}\n`);
  expect(text.match(/^May be called by (?!nobody)/gm)).toHaveLength(methods.length);
  const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading ?? "").toLowerCase().replaceAll(".", ""),
  );
  for (const link of linksOf(text)) expect(anchors).toContain(link.replace(/^#/, ""));
});

const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, "")
    .replaceAll(" ", "-");

describe.each(DOCUMENTS)("%s", (name) => {
  const text = readDocument(name);

  test("leads only to what there is", () => {
    for (const link of linksOf(text)) {
      if (/^https?:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = new URL(path === "" ? name : path, DOCS);
      expect(existsSync(target), `${name} links to ${link}`).toBe(true);
      if (anchor === undefined || !target.pathname.endsWith(".md") || name === "api.md") continue;
      const headings = [...readFileSync(target, "utf8").matchAll(/^#+ (.*)$/gm)];
      expect(headings.map(([, heading]) => slugOf(heading ?? ""))).toContain(anchor);
    }
  });
});

test("the index leads to the guides", () => {
  const index = linksOf(readDocument("README.md"));
  expect(index).toEqual(
    expect.arrayContaining([
      "getting-started.md",
      "backends.md",
      "validator.md",
      "browsers.md",
      "migration.md",
      "bring-your-own-login.md",
      "configuration.md",
      "operations.md",
      "sign-in.md",
      "logs.md",
      "troubleshooting.md",
      "api.md",
    ]),
  );
});

/** Names in capitals that are neither settings nor in the proto. */
const FOREIGN = new Set([
  "CURFEW_TARGET",
  "CURFEW_TOKEN",
  "CURFEW_TLS_CA",
  "NOT_SERVING",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "RESOURCE_EXHAUSTED",
]);

/** The names of limits, and the facts of a refusal. */
const LIMIT_ROOMS = [
  "rpc/budgets",
  "rpc/wire",
  "rpc",
  "core/refresh",
  "core/exchange",
  "gateway/budgets",
  "gateway",
  "telemetry",
  "composition",
];
const LIMITS = LIMIT_ROOMS.flatMap((room) =>
  readdirSync(`src/${room}`)
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const source = readFileSync(`src/${room}/${file}`, "utf8");
      return [...source.matchAll(/"([a-z]+(?:_[a-z]+)+)"|(refused_by)/g)];
    })
    .flatMap(([, limit, fact]) => (limit ? [limit, `${limit}_per_source`] : [fact ?? ""])),
);

test.each([
  "getting-started.md",
  "backends.md",
  "browsers.md",
  "migration.md",
  "bring-your-own-login.md",
  "operations.md",
  "sign-in.md",
  "logs.md",
  "troubleshooting.md",
])("%s names only settings, reasons and codes that there are", (name) => {
  const enums = [...registryOf(readDescriptors())].flatMap((type) =>
    type.kind === "enum" && type.typeName.startsWith("curfew.") ? type.values : [],
  );
  const known = new Set([
    ...Object.values(SETTINGS).map((declared): string => declared.name),
    ...enums.map((value) => value.name.replace(/^ERROR_REASON_/, "")),
    ...FOREIGN,
  ]);
  const prose = readDocument(name).replaceAll(/```[\s\S]*?```/g, "");
  const names = [...prose.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])(?:=[^`]*)?`/g)];
  for (const [, found = ""] of names) expect([...known], `${name}: ${found}`).toContain(found);
  const codes = [...prose.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code]) => code ?? "");
  const fields = readDocument("api.md");
  for (const code of codes) {
    const isKnown = known.has(code.toUpperCase()) || fields.includes(`\`${code}\``);
    const isOther =
      /^(pg_|curfew_|max_|access_token_blacklist|end_reason|ended_at|noeviction)/.test(code);
    const isElsewhere = KNOWN_ELSEWHERE.has(code) || LIMITS.includes(code);
    expect(isKnown || isOther || isElsewhere, `${name}: ${code}`).toBe(true);
  }
});

/** Codes of the client's own, a field of an import, a view of PostgreSQL, the function of a snippet, a table, members of lines of log. */
const KNOWN_ELSEWHERE = new Set([
  // Members of TRUSTED_ISSUERS_FILE, claims, and values that a provider is configured with.
  "jwks_uri",
  "create_users",
  "client_ids",
  "preferred_username",
  "authorized_party",
  "not_yet_valid",
  "require_auth_time",
  "issued_token_type",
  "invalid_request",
  "cookies_refused",
  "session_changed",
  "password_hash",
  "pg_stat_activity",
  "current_user",
  "audit_events",
  "request_id",
  "trace_id",
]);

test("every language's snippets parse as fenced blocks that are closed", () => {
  for (const name of DOCUMENTS) {
    const fences = readDocument(name).match(/^```/gm) ?? [];
    expect(fences.length, name).toBe(snippetsOf(readDocument(name)).length * 2);
  }
});
