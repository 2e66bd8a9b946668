import { findSpecifiers, resolveImport, type SourceFile } from "./source_file.js";

interface Permission {
  /** Parts of the source that this one may import, besides itself. */
  readonly parts: readonly string[];
  /** Packages that it may not import: `*` for all, `node:` for all of Node's own. */
  readonly forbiddenPackages?: readonly string[];
}

/** The parts that may import every part, and that only the command line may import. */
const COMPOSITION_ROOT = ["main", "composition"];

const STORE_DRIVERS = ["pg", "knex", "ioredis", "@electric-sql/"];

/** The main module of the package: the gRPC interface alone. */
const MAIN_MODULE = "index";

/** The definition of an access token: the service and the validator must agree on it. */
const ACCESS_TOKEN = "access_token";

const adapter: Permission = { parts: ["core"] };

/**
 * The permitted imports of each part. A part is a folder of src, or a file beside the folders, by its name without
 * `.ts`.
 */
const PERMISSIONS: Readonly<Record<string, Permission>> = {
  [MAIN_MODULE]: { parts: ["generated"], forbiddenPackages: ["*", "node:"] },
  core: { parts: [ACCESS_TOKEN], forbiddenPackages: ["*", "node:"] },
  postgres: adapter,
  redis: adapter,
  embedded: adapter,
  access_token: { parts: [], forbiddenPackages: STORE_DRIVERS },
  crypto: { parts: ["core", ACCESS_TOKEN] },
  issuers: { parts: ["core", ACCESS_TOKEN], forbiddenPackages: STORE_DRIVERS },
  rpc: { parts: ["core", "generated", ACCESS_TOKEN], forbiddenPackages: STORE_DRIVERS },
  gateway: { parts: ["core", "generated"], forbiddenPackages: STORE_DRIVERS },
  validator: { parts: ["generated", ACCESS_TOKEN], forbiddenPackages: STORE_DRIVERS },
  client: { parts: [], forbiddenPackages: ["*", "node:"] },
  react: { parts: ["client"], forbiddenPackages: [...STORE_DRIVERS, "node:"] },
  config: { parts: ["core", ACCESS_TOKEN], forbiddenPackages: STORE_DRIVERS },
  telemetry: { parts: ["core"], forbiddenPackages: STORE_DRIVERS },
  cli: {
    parts: [...COMPOSITION_ROOT, "config", "core", "generated", "telemetry"],
    forbiddenPackages: STORE_DRIVERS,
  },
};

/** One line for each import of `file` that the dependency rule forbids. */
export function findForbiddenImports(file: SourceFile): string[] {
  const part = partOf(file.path);
  if (COMPOSITION_ROOT.includes(part)) return [];
  const permission = PERMISSIONS[part];
  if (permission === undefined) return [`${file.path}: the dependency rule knows no ${part}`];
  return findSpecifiers(file)
    .filter((specifier) => !isAllowed(file, part, permission, specifier))
    .map((specifier) => `${file.path} imports ${specifier}`);
}

function isAllowed(
  file: SourceFile,
  part: string,
  { parts, forbiddenPackages = [] }: Permission,
  specifier: string,
): boolean {
  const target = resolveImport(file, specifier);
  if (target !== undefined) return [part, ...parts].includes(partOf(target));
  return !forbiddenPackages.some((forbidden) => isOfPackage(specifier, forbidden));
}

function isOfPackage(specifier: string, name: string): boolean {
  if (name === "*") return !specifier.startsWith("node:");
  return specifier === name || specifier.startsWith(/[:/]$/.test(name) ? name : `${name}/`);
}

/** `src/core/ports/clock.ts` → `core`, `src/main` → `main`, `generated/…` → `generated`. */
function partOf(path: string): string {
  const [top = "", second = ""] = path.split("/");
  return top === "src" ? second.replace(/\.tsx?$/, "") : top;
}
