import { expect, test } from "vitest";
import { statementName } from "../../../src/telemetry/statement_name.js";

test.each([
  ["SELECT a FROM users WHERE b = $1 FOR UPDATE", "SELECT", "users"],
  ['select * from "users" where "user_id" = ?', "SELECT", "users"],
  ["INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = 1", "INSERT", "t"],
  ['update "sessions" set "a" = ?', "UPDATE", "sessions"],
  [
    "WITH held AS (SELECT 1 FROM s FOR UPDATE OF s) UPDATE sessions s SET a = 1",
    "UPDATE",
    "sessions",
  ],
  ["WITH x AS (SELECT * FROM unnest(?)) SELECT * FROM keys", "SELECT", "keys"],
  ["DELETE FROM sessions WHERE a IN (SELECT a FROM sessions)", "DELETE", "sessions"],
  ["BEGIN;", "BEGIN", undefined],
])("%s", (sql, operation, table) => {
  expect(statementName(sql)).toEqual({ operation, table });
});
