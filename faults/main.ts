import { writeFileSync } from "node:fs";
import { runCluster } from "./cluster/run.js";
import { findDefect } from "./defects/find_defect.js";
import { probeDoors } from "./doors/probe_doors.js";
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

const options = parseOptions(process.argv.slice(2));

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

/** Whether a part that begins now has time left. */
const timeFor = (minutes: number): (() => boolean) => {
  const until = performance.now() + minutes * 60_000;
  return () => !stopping && performance.now() < until;
};

/** The defect that is planted in the replicas of this run. */
const planted = options.defect === undefined ? undefined : findDefect(options.defect);

type Begin = () => Run;
type Keep = (record: RunRecord) => void;

/** Replicas in this process. */
const runWorlds = async (options: Options, begin: Begin, keep: Keep): Promise<void> => {
  const random = createRandom(options.seed);
  const [ofPairs, ofSchedules] = [random.fork(), random.fork()];
  const sabotage = planted && "sabotage" in planted ? planted.sabotage : undefined;
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

say(`seed ${options.seed}`);
if (planted) say(`planted: ${planted.name}`);
if (planted && !("sabotage" in planted)) {
  // No schedule of calls finds a defect of a door.
  const found = await probeDoors(planted);
  for (const sentence of found) say(`${planted.breaks[0]} ${sentence}`);
  process.exit(found.length > 0 ? 1 : 0);
}
// Read before the run, so that a commit made meanwhile is not taken for the tested one.
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
