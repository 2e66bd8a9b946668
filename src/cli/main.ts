#!/usr/bin/env node
import type { Backstage } from "./backstage.js";
import { processTerminal } from "./process_terminal.js";
import { runProgram } from "./run_program.js";

const openBackstage = async (): Promise<Backstage> => (await import("../main.js")).backstage;

process.exitCode = await runProgram(process.argv.slice(2), openBackstage, processTerminal());
