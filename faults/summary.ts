import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { describeViolation, type Violation } from "./checker/violation.js";
import type { PairsReport } from "./pairs/race_pairs.js";
import type { SchedulesReport } from "./schedules/world_schedules.js";

export interface Summary {
  readonly seed: number;
  readonly startedAt: Date;
  readonly minutes: number;
  readonly pairs?: PairsReport;
  readonly schedules?: SchedulesReport;
}

/** What issue and product ask for. */
const GOAL = { pairs: 1_000_000, schedules: 5000 };

const versionOf = (program: string, ...args: string[]): string => {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: "pipe" }).split("\n")[0] ?? "";
  } catch {
    return `${program}: not on the path`;
  }
};

const measured = (count: number, goal: number): string =>
  count >= goal ? `${count} of ${goal}` : `${count} of ${goal}: **short of the goal**`;

/** The committed record of one run, in Markdown. */
export const writeSummary = (summary: Summary): string => {
  const { pairs, schedules } = summary;
  const pairCount = Object.values(pairs?.pairs ?? {}).reduce((a, b) => a + b, 0);
  const scheduleCount = schedules?.schedules ?? 0;
  const violations = violationsOf(summary);
  const [cpu] = cpus();
  return [
    "# Faults: the last full run",
    "",
    "Written by `npm run faults`. Run it again with the same `--seed` for the same choices.",
    "",
    "| | |",
    "| --- | --- |",
    `| seed | ${summary.seed} |`,
    `| when | ${summary.startedAt.toISOString()}, ${summary.minutes.toFixed(1)} minutes |`,
    `| commit | ${versionOf("git", "rev-parse", "HEAD")} (with uncommitted changes, if any) |`,
    `| machine | ${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, shared with other work |`,
    `| Node | ${process.version} |`,
    `| Redis | ${versionOf("redis-server", "--version")} |`,
    `| race pairs | ${measured(pairCount, GOAL.pairs)} |`,
    `| fault schedules | ${measured(scheduleCount, GOAL.schedules)} |`,
    "| soak | **not built yet** |",
    `| violations | ${violations.length === 0 ? "none" : `**${violations.length}**`} |`,
    "",
    ...section(
      "Race pairs, replicas in one process on real stores",
      Object.entries(pairs?.pairs ?? {}),
    ),
    ...faultSection("Fault schedules, three replicas in one process on real stores", schedules),
    ...(violations.length === 0
      ? []
      : ["## Violations", "", "```text", ...violations.slice(0, 20), "```", ""]),
  ].join("\n");
};

const section = (title: string, rows: readonly (readonly [string, number])[]): string[] =>
  rows.length === 0
    ? []
    : [
        `## ${title}`,
        "",
        "| what | how often |",
        "| --- | --- |",
        ...rows.map(([what, n]) => `| ${what} | ${n} |`),
        "",
      ];

const faultSection = (title: string, report: SchedulesReport | undefined): string[] =>
  report === undefined
    ? []
    : section(title, [
        ["schedules", report.schedules],
        ["calls", report.calls],
        ["of them answered UNAVAILABLE or not at all", report.uncertain],
        ...[...report.faults].sort(([a], [b]) => a.localeCompare(b)),
      ]);

const violationsOf = ({ pairs, schedules }: Summary): string[] => {
  const ofSeed = (found: readonly { seed: number; violation: Violation }[] = []) =>
    found.map(({ seed, violation }) => `seed ${seed}: ${describeViolation(violation)}`);
  return [...(pairs?.violations ?? []).map(describeViolation), ...ofSeed(schedules?.violations)];
};
