import { Counter, Histogram, type Registry } from "prom-client";

/** Counts one finished call of a method. Cheap, and never throws. */
export type CountCall = (method: string, code: string, reason: string, seconds: number) => void;

const LATENCY_SECONDS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Names beyond the methods of the contract come from guessing callers: they share one label. */
const MAX_METHODS = 100;

interface Outcome {
  readonly code: string;
  readonly reason: string;
  calls: number;
}

/** The counts of one method. */
interface Tally {
  readonly method: string;
  readonly outcomes: Outcome[];
  /** Calls by the first bound that they stayed within; the last: none. */
  readonly withinBound: number[];
  seconds: number;
}

const emptyTally = (method: string): Tally => ({
  method,
  outcomes: [],
  withinBound: new Array<number>(LATENCY_SECONDS.length + 1).fill(0),
  seconds: 0,
});

const outcomeOf = ({ outcomes }: Tally, code: string, reason: string): Outcome => {
  for (const outcome of outcomes) {
    if (outcome.code === code && outcome.reason === reason) return outcome;
  }
  const outcome = { code, reason, calls: 0 };
  outcomes.push(outcome);
  return outcome;
};

const DURATION = "curfew_rpc_duration_seconds";
const HELP = "Time of a call in the server.";

/** A histogram that adds up the tallies whenever prom-client reads its values. */
class CallSeconds extends Histogram<"method"> {
  constructor(
    registry: Registry,
    private readonly tallies: () => Iterable<Tally>,
  ) {
    super({
      name: DURATION,
      help: HELP,
      labelNames: ["method"],
      buckets: LATENCY_SECONDS,
      registers: [registry],
    });
  }

  /**
   * The method that prom-client calls on a histogram at a scrape, `get` included; its types leave the method out.
   */
  async getForPromString() {
    const values = [...this.tallies()].flatMap(({ method, withinBound, seconds }) => {
      const sharedLabels = { method };
      let calls = 0;
      const buckets = withinBound.map((within, i) => {
        calls += within;
        const le = LATENCY_SECONDS[i] ?? "+Inf";
        return { metricName: `${DURATION}_bucket`, sharedLabels, labels: { le }, value: calls };
      });
      return [
        ...buckets,
        { metricName: `${DURATION}_sum`, sharedLabels, labels: {}, value: seconds },
        { metricName: `${DURATION}_count`, sharedLabels, labels: {}, value: calls },
      ];
    });
    return { name: DURATION, help: HELP, type: "histogram", aggregator: "sum", values };
  }
}

/**
 * Calls by method, code and reason, and how long they took.
 *
 * Counts are kept as plain numbers and passed to prom-client at each scrape. prom-client hashes the labels at each
 * observation, which took a thirtieth of the time of a validation.
 */
export const callMetrics = (registry: Registry): CountCall => {
  const tallies = new Map<string, Tally>();
  const tallyOf = (method: string): Tally => {
    const known = tallies.get(method);
    if (known !== undefined) return known;
    const label = tallies.size < MAX_METHODS ? method : "other";
    const tally = tallies.get(label) ?? emptyTally(label);
    tallies.set(label, tally);
    return tally;
  };

  const calls: Counter = new Counter({
    name: "curfew_rpc_calls_total",
    help: "Finished calls by method, gRPC code and reason.",
    labelNames: ["method", "code", "reason"],
    registers: [registry],
    collect: () => {
      calls.reset();
      for (const { method, outcomes } of tallies.values()) {
        for (const { code, reason, calls: count } of outcomes) {
          calls.inc({ method, code, reason }, count);
        }
      }
    },
  });
  new CallSeconds(registry, () => tallies.values());

  return (method, code, reason, seconds) => {
    const tally = tallyOf(method);
    outcomeOf(tally, code, reason).calls += 1;
    tally.seconds += seconds;
    let bound = 0;
    while (bound < LATENCY_SECONDS.length && seconds > (LATENCY_SECONDS[bound] ?? 0)) bound += 1;
    tally.withinBound[bound] = (tally.withinBound[bound] ?? 0) + 1;
  };
};
