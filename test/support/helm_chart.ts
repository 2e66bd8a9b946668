import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { findOrInstall } from "./debian_packages.js";
import { findGo, goEnvironment } from "./go.js";

/** A Kubernetes object. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Renders the chart with values over its own. Throws what Helm would say of a template that fails. */
export type RenderChart = (values: object) => Manifest[];

/** Finds, or installs as root on Debian, the template language of Helm, and builds a renderer of it. */
export function startHelm(chart: string): { render: RenderChart; close(): void } {
  const go = findOrInstall(
    "Go with sprig, to render the Helm chart",
    () => findGo(["github.com/Masterminds/sprig", "gopkg.in/yaml.v3"]),
    ["golang-go", "golang-github-masterminds-sprig-dev", "golang-gopkg-yaml.v3-dev"],
    "install them (Debian: apt-get install golang-go golang-github-masterminds-sprig-dev golang-gopkg-yaml.v3-dev).",
  );
  const folder = mkdtempSync(join(tmpdir(), "curfew-helm-"));
  const renderer = join(folder, "render");
  const source = join(import.meta.dirname, "helm/render.go");
  execFileSync(go, ["build", "-o", renderer, source], { env: goEnvironment(folder) });
  return {
    render(values) {
      const file = join(folder, "values.json");
      // JSON is YAML.
      writeFileSync(file, JSON.stringify(values));
      const text = execFileSync(renderer, [chart, file], { encoding: "utf8", stdio: "pipe" });
      return parseAllDocuments(text).flatMap((document) => {
        const [error] = document.errors;
        if (error) throw error;
        const manifest = document.toJS() as Manifest | null;
        return manifest ? [manifest] : [];
      });
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
