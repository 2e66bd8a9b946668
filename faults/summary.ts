import { isEvidence, PARTS, type Part, type RunRecord } from "./run_record.js";

/** The goals, in the part's own unit. */
const GOALS: Record<Part, { title: string; unit: string; goal?: number }> = {
  "race pairs": { title: "Race pairs", unit: "pairs", goal: 1_000_000 },
  schedules: { title: "Fault schedules, replicas in one process", unit: "schedules", goal: 5000 },
  "process schedules": { title: "Fault schedules, replicas as processes", unit: "schedules" },
  soak: { title: "Soak, replicas as processes", unit: "minutes", goal: 60 },
};
const MAX_OF_A_KIND = 5;
const HEAD = `# Faults: what has been run

Written by \`npm run faults\` from the records of all runs in \`runs.jsonl\`, a line each. Records of a kind are added up; one counts if a commit says exactly what ran. The same \`--seed\` makes the same choices.
`;

type Row = readonly (string | number)[];

/** Everything that the records tell. Markdown. */
export const writeSummary = (records: readonly RunRecord[]): string =>
  [HEAD, ...PARTS.map((part) => ofPart(part, recordsOf(part, records)))]
    .filter((text) => text !== "")
    .join("\n");

/** The exit code of a run: a violation outweighs a run without a verdict. */
export const exitCodeOf = (records: readonly RunRecord[]): 0 | 1 | 2 => {
  if (records.some(({ violations }) => violations.length > 0)) return 1;
  return records.some(({ brokenOff }) => brokenOff.length > 0) ? 2 : 0;
};

const recordsOf = (part: Part, records: readonly RunRecord[]) =>
  records.filter((record) => record.part === part);

const ofPart = (part: Part, records: readonly RunRecord[]): string => {
  if (records.length === 0) return "";
  const { title, unit, goal } = GOALS[part];
  const counted = records.filter(isEvidence);
  const sum = (of: (record: RunRecord) => number) => counted.reduce((n, one) => n + of(one), 0);
  const done = Math.floor(sum((record) => record.done));
  // Whatever ran: nothing found is left out.
  const violations = records.flatMap((record) => record.violations);
  const brokenOff = records.flatMap((record) => record.brokenOff);
  return [
    `## ${title}`,
    "",
    ...table(
      ["what", "in all runs that count"],
      [
        [unit, goal === undefined ? done : measured(done, goal)],
        ["violations", violations.length === 0 ? "none" : `**${violations.length}**`],
        ["broken off without a verdict", brokenOff.length === 0 ? "none" : brokenOff.length],
        ["calls", sum((record) => record.calls)],
        ["of them answered UNAVAILABLE or not at all", sum((record) => record.uncertain)],
        ["left out", leftOut(counted)],
      ],
    ),
    "### Runs",
    "",
    ...runs(unit, records),
    ...memory(counted),
    ...played(counted),
    ...failures("Violations", violations),
    ...failures("Broken off", brokenOff),
    ...remarks(records),
  ].join("\n");
};

const measured = (done: number, goal: number): string =>
  done >= goal ? `${done} of ${goal}` : `${done} of ${goal}: **short of the goal**`;

const leftOut = (records: readonly RunRecord[]): string => {
  const [first, ...others] = records;
  const always = (first?.leftOut ?? []).filter((what) =>
    others.every((record) => record.leftOut.includes(what)),
  );
  return always.length === 0 ? "nothing" : always.join("; ");
};

const runs = (unit: string, records: readonly RunRecord[]): string[] =>
  table(
    [
      ...["began", "minutes", "seed", unit, "load", "violations", "broken off"],
      ...["commit", "beside it", "machine", "Node, Postgres, Redis"],
    ],
    records.map((record) => [
      ...[record.startedAt, record.minutes.toFixed(1), record.seed, Math.floor(record.done)],
      record.load === undefined ? "" : `${Math.round(record.load * 100)} %`,
      ...[record.violations.length, record.brokenOff.length],
      isEvidence(record)
        ? record.commit.slice(0, 7)
        : `changed after ${record.commit.slice(0, 7)}: not counted`,
      ...[record.older?.slice(0, 7) ?? "", record.machine],
      `${record.node.replace(/^v/, "")}, ${record.postgres}, ${record.redis}`,
    ]),
  );

const memory = (records: readonly RunRecord[]): string[] => {
  const rows = records.flatMap(({ startedAt, memory }) =>
    memory.map(({ replica, minutes, samples, lastMib, mibPerHour }) => [
      ...[startedAt, replica, minutes.toFixed(1), samples],
      ...[lastMib.toFixed(0), mibPerHour.toFixed(1)],
    ]),
  );
  if (rows.length === 0) return [];
  return [
    "### Memory",
    "",
    "Resident memory of the process of each replica that lived longest (the first is never killed). Slope by least squares over a sample a second, without the first third.",
    "",
    ...table(["run", "replica", "minutes", "samples", "MiB at the end", "MiB an hour"], rows),
  ];
};

const played = (records: readonly RunRecord[]): string[] => {
  const counts = new Map<string, number>();
  for (const record of records)
    for (const [what, count] of Object.entries(record.counts))
      counts.set(what, (counts.get(what) ?? 0) + count);
  const rows = [...counts].sort(([a], [b]) => a.localeCompare(b));
  return rows.length === 0
    ? []
    : ["### What was played", "", ...table(["what", "how often"], rows)];
};

const table = (head: Row, rows: readonly Row[]): string[] => [
  line(head),
  line(head.map(() => "---")),
  ...rows.map(line),
  "",
];

const line = (cells: Row): string => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");

/** The first ones of each guarantee, so that many of one do not hide another. */
const failures = (title: string, found: readonly string[]): string[] => {
  if (found.length === 0) return [];
  const kinds = new Map<string, string[]>();
  for (const failure of found) {
    const kind = kindOf(failure);
    kinds.set(kind, [...(kinds.get(kind) ?? []), failure]);
  }
  const told = [...kinds].flatMap(([kind, those]) => [
    ...those.slice(0, MAX_OF_A_KIND),
    ...(those.length > MAX_OF_A_KIND
      ? [`and ${those.length - MAX_OF_A_KIND} more of ${kind}`]
      : []),
  ]);
  return [`### ${title}`, "", "```text", ...told, "```", ""];
};

/** The guarantee that a failure names behind its seed, or what else stands there. */
const kindOf = (failure: string): string => failure.split(" ", 3)[2] ?? "";

const remarks = (records: readonly RunRecord[]): string[] => {
  const made = records.flatMap(({ startedAt, remark }) =>
    remark === undefined ? [] : [`- ${startedAt}: ${remark}`],
  );
  return made.length === 0 ? [] : ["### Looked into", "", ...made, ""];
};
