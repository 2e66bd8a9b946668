#!/usr/bin/env node
import { complaintAboutNode } from "./node_version.js";

// An older Node fails on the imports below, with a message that does not help the operator.
const complaint = complaintAboutNode(process.versions.node);
if (complaint === undefined) {
  const { main } = await import("./run_main.js");
  process.exitCode = await main();
} else {
  process.stderr.write(`curfew: ${complaint}\n`);
  process.exitCode = 1;
}
