import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { describeViolation, type Violation } from "./checker/violation.js";
import type { ClusterRun } from "./cluster/run.js";
import type { ClusterReport } from "./cluster/schedules.js";
import type { SoakReport } from "./cluster/soak.js";
import type { PairsReport } from "./pairs/race_pairs.js";
import type { SchedulesReport } from "./schedules/world_schedules.js";

export interface Summary {
  readonly seed: number;
  readonly startedAt: Date;
  readonly minutes: number;
  readonly pairs?: PairsReport;
  readonly schedules?: SchedulesReport;
  readonly cluster?: ClusterRun;
}

/** What issue and product ask for. */
const GOAL = { pairs: 1_000_000, schedules: 5000, soakMinutes: 60 };
const MOST_FAILURES = 20;
const HEAD = `# Faults: what has been run

Written by \`npm run faults\`, each part by its last run. The same \`--seed\` makes the same choices.
`;

type Row = readonly [what: string, value: string | number];

/** `former`, with the parts of this run in the place of those it had. Markdown. */
export const writeParts = (former: string, summary: Summary): string => {
  const { pairs, schedules, cluster } = summary;
  let text = former.startsWith("# ") ? former : HEAD;
  if (pairs || schedules)
    text = putPart(text, "Replicas in one process, on real stores", inProcess(summary));
  if (cluster?.schedules)
    text = putPart(text, "Replicas as processes", ofCluster(summary, cluster.schedules));
  if (cluster?.soak) text = putPart(text, "Soak", ofSoak(summary, cluster.soak));
  return text;
};

/** Puts a part of Markdown in the place of the one with the same title, or at the end. */
export const putPart = (text: string, title: string, body: string): string => {
  const part = `## ${title}\n\n${body.trim()}\n`;
  const [head = "", ...parts] = text.trimEnd().split(/^(?=## )/m);
  const at = parts.findIndex((other) => other.startsWith(`## ${title}\n`));
  const others = parts.map((other, i) => (i === at ? part : `${other.trimEnd()}\n`));
  return [`${head.trimEnd()}\n`, ...others, ...(at === -1 ? [part] : [])].join("\n");
};

/** Words for everything that the run found wrong. */
export const failuresOf = ({ pairs, schedules, cluster }: Summary): string[] => [
  ...(pairs?.violations ?? []).map(describeViolation),
  ...ofSeeds(schedules),
  ...ofSeeds(cluster?.schedules),
  ...ofSeeds(cluster?.soak),
];

const ofSeeds = (
  report:
    | {
        readonly violations: readonly { seed: number; violation: Violation }[];
        readonly brokenOff?: readonly { seed: number; why: string }[];
      }
    | undefined,
): string[] => [
  ...(report?.violations ?? []).map(
    ({ seed, violation }) => `seed ${seed}: ${describeViolation(violation)}`,
  ),
  ...(report?.brokenOff ?? []).map(({ seed, why }) => `seed ${seed}: broken off: ${why}`),
];

const inProcess = (summary: Summary): string => {
  const { pairs, schedules } = summary;
  const kinds = Object.entries(pairs?.pairs ?? {});
  const count = kinds.reduce((sum, [, n]) => sum + n, 0);
  return [
    ...table([
      ...aboutRun(summary),
      ["race pairs", measured(count, GOAL.pairs)],
      ["fault schedules", measured(schedules?.schedules ?? 0, GOAL.schedules)],
      violationRow([...(pairs?.violations ?? []), ...(schedules?.violations ?? [])]),
    ]),
    ...section("Race pairs", kinds),
    ...(schedules ? section("Fault schedules", countRows("schedules", schedules)) : []),
    ...failures(failuresOf({ ...summary, cluster: {} })),
  ].join("\n");
};

const ofCluster = (summary: Summary, report: ClusterReport): string =>
  [
    ...table([
      ...aboutRun(summary),
      ["fault schedules", measured(report.schedules, GOAL.schedules)],
      ...outcomeRows(report),
    ]),
    ...section("What was played", countRows("schedules", report)),
    ...failures(ofSeeds(report)),
  ].join("\n");

const ofSoak = (summary: Summary, report: SoakReport): string =>
  [
    ...table([
      ...aboutRun(summary),
      ["minutes", measured(Math.floor(report.minutes), GOAL.soakMinutes)],
      ...outcomeRows(report),
    ]),
    "### Memory",
    "",
    "Resident memory of the process of each replica that lived longest (the first is never killed). Slope by least squares over a sample a second, without the first third.",
    "",
    "| replica | minutes | samples | MiB at the end | MiB an hour |",
    "| --- | --- | --- | --- | --- |",
    ...report.memory.map(
      ({ replica, minutes, samples, lastMib, mibPerHour }) =>
        `| ${replica} | ${minutes.toFixed(1)} | ${samples} | ${lastMib.toFixed(0)} | ${mibPerHour.toFixed(1)} |`,
    ),
    "",
    ...section("What was played", countRows("rounds", report)),
    ...failures(ofSeeds(report)),
  ].join("\n");

const outcomeRows = (report: ClusterReport): Row[] => [
  ["left out", report.leftOut.length === 0 ? "nothing" : report.leftOut.join("; ")],
  ["broken off without a verdict", report.brokenOff.length],
  violationRow(report.violations),
];

const violationRow = (found: readonly unknown[]): Row => [
  "violations",
  found.length === 0 ? "none" : `**${found.length}**`,
];

const countRows = (what: string, report: SchedulesReport): Row[] => [
  [what, report.schedules],
  ["calls", report.calls],
  ["of them answered UNAVAILABLE or not at all", report.uncertain],
  ...[...report.faults].sort(([a], [b]) => a.localeCompare(b)),
];

const measured = (count: number, goal: number): string =>
  count >= goal ? `${count} of ${goal}` : `${count} of ${goal}: **short of the goal**`;

const aboutRun = ({ seed, startedAt, minutes }: Summary): Row[] => {
  const [cpu] = cpus();
  return [
    ["seed", seed],
    ["when", `${startedAt.toISOString()}, ${minutes.toFixed(1)} minutes`],
    ["commit", `${versionOf("git", "rev-parse", "HEAD")} (with uncommitted changes, if any)`],
    ["machine", `${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB`],
    ["Node", process.version],
    ["Redis", versionOf("redis-server", "--version")],
  ];
};

const versionOf = (program: string, ...args: string[]): string => {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: "pipe" }).split("\n")[0] ?? "";
  } catch {
    return `${program}: not on the path`;
  }
};

const table = (rows: readonly Row[], head: Row = ["", ""]): string[] => [
  `| ${head[0]} | ${head[1]} |`.replaceAll("  ", " "),
  "| --- | --- |",
  ...rows.map(([what, value]) => `| ${what} | ${value} |`),
  "",
];

const section = (title: string, rows: readonly Row[]): string[] =>
  rows.length === 0 ? [] : [`### ${title}`, "", ...table(rows, ["what", "how often"])];

const failures = (found: readonly string[]): string[] =>
  found.length === 0
    ? []
    : ["### Failures", "", "```text", ...found.slice(0, MOST_FAILURES), "```", ""];
