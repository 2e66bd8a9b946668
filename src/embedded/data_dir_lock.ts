import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isRunning, type ProcessIdentity, thisProcess } from "./process_identity.js";
