/** A process of its own, since Node reads NODE_EXTRA_CA_CERTS at its start only. */
import { lifeOf, openHotStore } from "./hot_store_probe.js";

const store = openHotStore(process.argv[2] ?? "");
try {
  process.stdout.write(JSON.stringify(await lifeOf(store, Number(process.argv[3]))));
} finally {
  await store.close();
}
