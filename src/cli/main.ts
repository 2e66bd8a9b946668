#!/usr/bin/env node
import { complaintAboutNode } from "./node_version.js";

// An older Node fails on what is imported below, in words that help nobody.
const complaint = complaintAboutNode(process.versions.node);
if (complaint === undefined) {
  const { main } = await import("./run_main.js");
  process.exitCode = await main();
} else {
  process.stderr.write(`curfew: ${complaint}\n`);
  process.exitCode = 1;
}
