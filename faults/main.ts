import { readFileSync, writeFileSync } from "node:fs";
import { runCluster } from "./cluster/run.js";
import { type Options, parseOptions } from "./options.js";
import { racePairs } from "./pairs/race_pairs.js";
import { createRandom } from "./random.js";
import { emptyReport, worldSchedule, worldSchedules } from "./schedules/world_schedules.js";
import { failuresOf, type Summary, writeParts } from "./summary.js";
import { startDatabases } from "./world/stores.js";

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

type Found = Pick<Summary, "pairs" | "schedules" | "cluster">;

/** Replicas in this process. */
const runWorlds = async (options: Options): Promise<Found> => {
  const random = createRandom(options.seed);
  const [ofPairs, ofSchedules] = [random.fork(), random.fork()];
  const until = () => performance.now() + options.minutes * 60_000;
  const databases = await startDatabases();
  try {
    if (options.replay !== undefined) {
      const schedules = emptyReport();
      await worldSchedule(databases, options.replay, schedules);
      return { schedules };
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
    return { pairs, schedules };
  } finally {
    await databases.close();
  }
};

const readSummary = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

const options = parseOptions(process.argv.slice(2));
say(`seed ${options.seed}`);
const startedAt = new Date();
const begun = performance.now();
const found: Found = options.cluster
  ? { cluster: await runCluster(options, say) }
  : await runWorlds(options);
const minutes = (performance.now() - begun) / 60_000;
const summary: Summary = { seed: options.seed, startedAt, minutes, ...found };
say(writeParts("", summary));
if (options.replay === undefined)
  writeFileSync(options.summary, writeParts(readSummary(options.summary), summary));
process.exit(failuresOf(summary).length === 0 ? 0 : 1);
