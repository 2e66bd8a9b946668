import { writeFileSync } from "node:fs";
import { runCluster } from "./cluster/run.js";
import { DEFECTS } from "./defects/index.js";
import { type Options, parseOptions } from "./options.js";
import { racePairs } from "./pairs/race_pairs.js";
import { commitOf, provenance } from "./provenance.js";
import { createRandom } from "./random.js";
import {
  type Run,
  recordOfCluster,
  recordOfPairs,
  recordOfSchedules,
  recordOfSoak,
} from "./records_of.js";
import { addRecord, type RunRecord, readRecords } from "./run_record.js";
import { emptyReport, worldSchedule, worldSchedules } from "./schedules/world_schedules.js";
import { exitCodeOf, writeSummary } from "./summary.js";
import { startDatabases } from "./world/stores.js";
import type { Sabotage } from "./world/world.js";

const PROGRESS_MS = 10_000;
const SCHEDULES_AT_ONCE = 8;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Says at most every ten seconds how far it is. */
const progress = (what: string) => {
  let last = performance.now();
  return (done: number): void => {
    if (performance.now() < last + PROGRESS_MS) return;
    last = performance.now();
    say(`${what}: ${done}`);
  };
};

let stopping = false;
process.once("SIGTERM", () => {
  stopping = true;
  say("stopping: what is under way ends first");
});

/** Whether a part that begins now may go on. */
const timeFor = (minutes: number): (() => boolean) => {
  const until = performance.now() + minutes * 60_000;
  return () => !stopping && performance.now() < until;
};

/** @throws Error unless just one defect is meant */
const sabotageOf = (name: string | undefined): (() => Sabotage) | undefined => {
  if (name === undefined) return undefined;
  const found = DEFECTS.filter((defect) => defect.name.includes(name));
  const [defect, another] = found;
  if (defect === undefined || another !== undefined) {
    const names = (found.length === 0 ? DEFECTS : found).map((each) => `\n  ${each.name}`);
    throw new Error(`--defect "${name}" could be ${found.length} defects of:${names.join("")}`);
  }
  say(`planted: ${defect.name}`);
  return defect.sabotage;
};

type Begin = () => Run;
type Keep = (record: RunRecord) => void;

/** Replicas in this process. */
const runWorlds = async (options: Options, begin: Begin, keep: Keep): Promise<void> => {
  const random = createRandom(options.seed);
  const [ofPairs, ofSchedules] = [random.fork(), random.fork()];
  const sabotage = sabotageOf(options.defect);
  const databases = await startDatabases();
  try {
    if (options.replay !== undefined) {
      const run = begin();
      const report = emptyReport();
      await worldSchedule({ databases, sabotage }, options.replay, report);
      return keep(recordOfSchedules(run, report));
    }
    if (options.pairs > 0) {
      const run = begin();
      const report = await racePairs({
        databases,
        sabotage,
        random: ofPairs,
        wanted: options.pairs,
        isTime: timeFor(options.minutes),
        onProgress: progress("race pairs"),
      });
      keep(recordOfPairs(run, report));
    }
    if (options.schedules > 0) {
      const run = begin();
      const sayCount = progress("schedules");
      const report = await worldSchedules({
        databases,
        sabotage,
        random: ofSchedules,
        wanted: options.schedules,
        isTime: timeFor(options.minutes),
        lanes: SCHEDULES_AT_ONCE,
        onProgress: ({ schedules }) => sayCount(schedules),
      });
      keep(recordOfSchedules(run, report));
    }
  } finally {
    await databases.close();
  }
};

/** Replicas as processes of their own. */
const runProcesses = async (options: Options, begin: Begin, keep: Keep): Promise<void> => {
  const run = begin();
  const { schedules, soak } = await runCluster(options, timeFor(options.minutes), say);
  if (schedules) keep(recordOfCluster(run, schedules));
  if (soak) keep(recordOfSoak(run, soak));
};

const options = parseOptions(process.argv.slice(2));
say(`seed ${options.seed}`);
// Before anything runs, so that what is committed meanwhile is not taken for what ran.
const what = provenance();
const older = options.older === undefined ? undefined : commitOf(options.older);
if (older === "") throw new Error(`there is no commit ${options.older}`);
let begun = performance.now();
const begin: Begin = () => {
  begun = performance.now();
  return { seed: options.seed, startedAt: new Date().toISOString(), minutes: 0, older, ...what };
};
const records: RunRecord[] = [];
const keep: Keep = (record) => {
  const ended = { ...record, minutes: (performance.now() - begun) / 60_000 };
  records.push(ended);
  if (options.replay !== undefined || options.defect !== undefined) return;
  addRecord(options.runs, ended);
  writeFileSync(options.summary, writeSummary(readRecords(options.runs)));
};
await (options.cluster ? runProcesses : runWorlds)({ ...options, older }, begin, keep);
say(writeSummary(records));
process.exit(exitCodeOf(records));
