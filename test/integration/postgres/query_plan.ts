import type { Knex } from "knex";
import { createClient } from "../../support/database_client.js";

/** A statement as knex sent it. */
export interface SentStatement {
  readonly sql: string;
  readonly bindings: readonly unknown[];
}

/** The statements that `work` sends, transaction control left out. */
export const statementsOf = async (
  database: Knex,
  work: () => Promise<unknown>,
): Promise<SentStatement[]> => {
  const sent: SentStatement[] = [];
  const note = (statement: SentStatement) => {
    if (!/^(BEGIN|COMMIT|ROLLBACK)/.test(statement.sql)) sent.push(statement);
  };
  database.on("query", note);
  try {
    await work();
  } finally {
    database.off("query", note);
  }
  return sent;
};

/** How PostgreSQL ran a statement. */
export interface QueryPlan {
  /** Tables that were read from the first row to the last. */
  readonly scanned: readonly string[];
  readonly indexes: readonly string[];
  /** Rows looked at in tables and indexes, those that did not match included. */
  readonly rowsRead: number;
  readonly text: string;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Runs a statement on `url` as EXPLAIN ANALYZE does, and rolls its changes back. */
export const explain = async (url: string, statement: SentStatement): Promise<QueryPlan> => {
  const client = createClient(url);
  await client.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.sql}`,
      [...statement.bindings],
    );
    const [root] = rows[0]?.["QUERY PLAN"] ?? [];
    if (root === undefined) throw new Error("PostgreSQL gave no plan.");
    return readPlan(allNodes(root.Plan), statement.sql);
  } finally {
    await client.end();
  }
};

const allNodes = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(allNodes)];

const readPlan = (nodes: readonly PlanNode[], sql: string): QueryPlan => {
  const scans = nodes.filter((node) => /Scan$/.test(node["Node Type"]));
  const tables = scans.filter((node) => node["Relation Name"] ?? node["Index Name"]);
  const read = (node: PlanNode) =>
    (node["Actual Rows"] +
      (node["Rows Removed by Filter"] ?? 0) +
      (node["Rows Removed by Index Recheck"] ?? 0)) *
    node["Actual Loops"];
  const line = (node: PlanNode) =>
    `${node["Node Type"]} ${node["Index Name"] ?? node["Relation Name"] ?? ""}: ${read(node)} rows`;
  return {
    scanned: scans
      .filter((node) => node["Node Type"] === "Seq Scan")
      .map((node) => node["Relation Name"] ?? ""),
    indexes: scans.flatMap((node) => node["Index Name"] ?? []),
    rowsRead: tables.reduce((sum, node) => sum + read(node), 0),
    text: `${sql}\n${nodes.map(line).join("\n")}`,
  };
};
