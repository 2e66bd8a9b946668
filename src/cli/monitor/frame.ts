import type { GetSessionStatsResponse } from "../../../generated/curfew/v1/session_admin.js";
import { instant, printable } from "../output/printable.js";
import { type Observation, overallStatus, revocations, storeStates } from "./observation.js";

const LABEL_WIDTH = 14;
const BAR_WIDTH = 24;
const MAX_PATTERNS = 10;

const grouped = (count: bigint): string => count.toLocaleString("en-US");

/** The change since the frame before: ` (+3)`, or nothing. */
const change = (now: bigint, before: bigint | undefined): string => {
  if (before === undefined || now === before) return "";
  return ` (${now > before ? "+" : "-"}${grouped(now > before ? now - before : before - now)})`;
};

/** As many items on a line as go into `columns` letters, at least one; further lines are indented. */
const flow = (
  label: string,
  items: readonly string[],
  { gap, columns }: { readonly gap: string; readonly columns: number },
): string[] => {
  const lines: string[] = [];
  let line = label;
  let count = 0;
  for (const item of items) {
    if (count > 0 && line.length + gap.length + item.length > columns) {
      lines.push(line);
      [line, count] = [" ".repeat(label.length), 0];
    }
    line += (count > 0 ? gap : "") + item;
    count += 1;
  }
  return [...lines, line];
};

const labelled = (label: string, items: readonly string[], columns: number): string[] =>
  flow(label.padEnd(LABEL_WIDTH), items, { gap: "   ", columns });

const facts = (
  stats: GetSessionStatsResponse,
  before: GetSessionStatsResponse | undefined,
  names: readonly (readonly [
    label: string,
    key:
      | "liveSessions"
      | "idleSessions"
      | "endedSessions"
      | "logins"
      | "failedLogins"
      | "throttledLogins"
      | "accountLocks"
      | "refreshes",
  ])[],
): string[] =>
  names.map(
    ([label, key]) => `${label} ${grouped(stats[key])}${change(stats[key], before?.[key])}`,
  );

const endingLines = (stats: GetSessionStatsResponse): string[] => {
  const rows = revocations(stats);
  const most = rows[0]?.count ?? 0n;
  return rows.map(({ reason, count }) => {
    const length = most === 0n ? 0 : Math.ceil((Number(count) / Number(most)) * BAR_WIDTH);
    return `  ${reason.padEnd(18)}${grouped(count).padStart(9)}  ${"█".repeat(length)}`;
  });
};

const patternLines = ({ unusualPatterns }: GetSessionStatsResponse, columns: number): string[] => {
  if (unusualPatterns.length === 0) return ["  nothing"];
  const shown = unusualPatterns.slice(0, MAX_PATTERNS).flatMap(({ kind, subject, count, detail }) =>
    flow("  ", [kind, subject, grouped(count), detail].filter(Boolean).map(printable), {
      gap: "  ",
      columns,
    }),
  );
  const rest = unusualPatterns.length - MAX_PATTERNS;
  return rest > 0 ? [...shown, `  and ${rest} more`] : shown;
};

/** A server of a version before does not tell. */
const storeLines = (stats: GetSessionStatsResponse, columns: number): string[] => {
  const stores = storeStates(stats);
  if (stores.length === 0) return [];
  const items = stores.map(({ store, state }) => printable(`${store} ${state}`));
  return labelled("Stores", items, columns);
};

const statsLines = (
  stats: GetSessionStatsResponse,
  before: GetSessionStatsResponse | undefined,
  columns: number,
): string[] => [
  ...storeLines(stats, columns),
  ...labelled(
    "Sessions",
    facts(stats, before, [
      ["live", "liveSessions"],
      ["idle", "idleSessions"],
      ["ended", "endedSessions"],
    ]),
    columns,
  ),
  ...labelled(
    `Last ${stats.windowMinutes} min`,
    facts(stats, before, [
      ["logins", "logins"],
      ["failed", "failedLogins"],
      ["refreshes", "refreshes"],
    ]),
    columns,
  ),
  ...labelled(
    "Throttled",
    facts(stats, before, [
      ["logins", "throttledLogins"],
      ["accounts locked", "accountLocks"],
    ]),
    columns,
  ),
  "",
  "Ended in that time",
  ...endingLines(stats),
  "",
  "Unusual",
  ...patternLines(stats, columns),
];

/**
 * The monitor's screen as lines of at most `columns` letters. `before` is the
 * last answer that the server gave, to show what changed.
 */
export const renderFrame = (
  observation: Observation,
  before: GetSessionStatsResponse | undefined,
  columns: number,
): string[] => {
  const { at, target, stats, health } = observation;
  const services = health.filter(({ service }) => service !== "");
  const lines = [
    `Curfew ${target}   ${overallStatus(observation)}   ${instant(at)}`,
    "",
    ...(services.length === 0
      ? []
      : labelled(
          "Services",
          services.map(({ service, status }) => `${service.split(".").at(-1)} ${status}`),
          columns,
        )),
    ...(stats instanceof Error
      ? flow("", stats.message.split(" "), { gap: " ", columns })
      : statsLines(stats, before, columns)),
    "",
    "q or Ctrl-C ends this.",
  ];
  return lines.map((line) => [...line].slice(0, columns).join(""));
};
