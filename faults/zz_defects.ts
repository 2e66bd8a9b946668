import { describeViolation } from "./checker/violation.js";
import { DEFECTS } from "./defects/index.js";
import { createRandom } from "./random.js";
import { runScenario } from "./scenarios/run_scenario.js";
import { startDatabases } from "./world/stores.js";

const databases = await startDatabases();
let i = 0;
const only = process.argv[2];
await Promise.all(
  [0, 1, 2].map(async (half) => {
    for (const [n, d] of DEFECTS.entries()) {
      if (n % 3 !== half) continue;
      i++;
      if (only && !d.name.includes(only)) continue;
      const t = performance.now();
      try {
        const { violations: v } = await runScenario({
          databases,
          random: createRandom(7),
          scenario: d.scenario,
          rounds: 4,
          sabotage: d.sabotage(),
        });
        const kinds: Record<string, number> = {};
        for (const x of v) kinds[x.guarantee] = (kinds[x.guarantee] ?? 0) + 1;
        const caught = v.some((x) => d.breaks.includes(x.guarantee));
        console.log(
          caught ? "caught" : "MISSED",
          d.name,
          (performance.now() - t).toFixed(0),
          JSON.stringify(kinds),
        );
        if (!caught || only) for (const x of v.slice(0, 2)) console.log(describeViolation(x));
      } catch (e) {
        console.log("THROWN", d.name, String(e).slice(0, 300));
      }
    }
  }),
);
console.log(i, "defects");
await databases.close();
process.exit(0);
