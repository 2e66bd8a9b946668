import { appendFileSync, readFileSync } from "node:fs";
import { z } from "zod";

/** Kinds of runs, whose records are added up each for itself. */
export const PARTS = ["race pairs", "schedules", "process schedules", "soak"] as const;
export type Part = (typeof PARTS)[number];

const memoryTrend = z.object({
  replica: z.string(),
  minutes: z.number(),
  samples: z.number(),
  lastMib: z.number(),
  mibPerHour: z.number(),
});

const runRecord = z.object({
  part: z.enum(PARTS),
  seed: z.number(),
  startedAt: z.string(),
  minutes: z.number(),
  commit: z.string(),
  uncommitted: z.boolean(),
  /** The commit that ran beside. */
  older: z.string().optional(),
  machine: z.string(),
  node: z.string(),
  postgres: z.string(),
  redis: z.string(),
  /** The pairs, schedules, or minutes of soak that reached a verdict. */
  done: z.number(),
  calls: z.number(),
  uncertain: z.number(),
  /** Of a soak: its calls a second as a share of the replicas' capacity without faults. */
  load: z.number().optional(),
  /** How often each step was played. */
  counts: z.record(z.string(), z.number()),
  leftOut: z.array(z.string()),
  memory: z.array(memoryTrend),
  violations: z.array(z.string()),
  /** The runs without a verdict, and the reason. */
  brokenOff: z.array(z.string()),
  /** Added by an engineer who investigated the findings. */
  remark: z.string().optional(),
});

/** What one run of one part did: a line of `runs.jsonl`. */
export type RunRecord = z.infer<typeof runRecord>;

/** Only a run that a commit can repeat is evidence. */
export const isEvidence = ({ commit, uncommitted }: RunRecord): boolean =>
  commit !== "" && !uncommitted;

/** @throws Error for a line that is not a record. */
export const parseRecords = (text: string): RunRecord[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => runRecord.parse(JSON.parse(line)));

/** None, if there is no such file. */
export const readRecords = (file: string): RunRecord[] => {
  try {
    return parseRecords(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
};

/** One write, so that runs at the same time do not mix their lines. */
export const addRecord = (file: string, record: RunRecord): void =>
  appendFileSync(file, `${JSON.stringify(record)}\n`);
