import { writeFileSync } from "node:fs";
import { type Options, parseOptions } from "./options.js";
import { racePairs } from "./pairs/race_pairs.js";
import { createRandom } from "./random.js";
import { emptyReport, worldSchedule, worldSchedules } from "./schedules/world_schedules.js";
import { type Summary, writeSummary } from "./summary.js";
import { type Databases, startDatabases } from "./world/stores.js";

const PROGRESS_MS = 10_000;
const SCHEDULES_AT_ONCE = 3;

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

const runAll = async (options: Options, databases: Databases): Promise<Summary> => {
  const random = createRandom(options.seed);
  const [ofPairs, ofSchedules] = [random.fork(), random.fork()];
  const startedAt = new Date();
  const begun = performance.now();
  const until = () => performance.now() + options.minutes * 60_000;
  const finished = (parts: Partial<Summary>): Summary => ({
    seed: options.seed,
    startedAt,
    minutes: (performance.now() - begun) / 60_000,
    ...parts,
  });

  if (options.replay !== undefined) {
    const schedules = emptyReport();
    await worldSchedule(databases, options.replay, schedules);
    return finished({ schedules });
  }
  const pairs = await racePairs({
    databases,
    random: ofPairs,
    wanted: options.pairs,
    until: until(),
    onProgress: progress("race pairs"),
  });
  const sayCount = progress("schedules");
  const schedules = await worldSchedules({
    databases,
    random: ofSchedules,
    wanted: options.schedules,
    until: until(),
    lanes: SCHEDULES_AT_ONCE,
    onProgress: (report) => sayCount(report.schedules),
  });
  return finished({ pairs, schedules });
};

const options = parseOptions(process.argv.slice(2));
say(`seed ${options.seed}`);
const databases = await startDatabases();
try {
  const summary = await runAll(options, databases);
  const text = writeSummary(summary);
  say(text);
  if (options.replay === undefined) writeFileSync(options.summary, text);
  process.exitCode = text.includes("| violations | none |") ? 0 : 1;
} finally {
  await databases.close();
}
process.exit();
