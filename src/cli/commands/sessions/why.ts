import type { Command } from "commander";
import {
  ExplainStep_Outcome,
  type ExplainTokenResponse,
} from "../../../../generated/curfew/v1/session_admin.js";
import { strippedLine } from "../../../core/caller/header_text.js";
import { type CommandContext, optionsOf, reportFromServer } from "../../command_context.js";
import { misused } from "../../command_failure.js";
import type { Report } from "../../output/report.js";
import { sessionDetails, sessionDocument } from "../../output/session_view.js";
import { renderTable } from "../../output/table.js";
import {
  type ConnectionOptions,
  withCredentialOptions,
  withTargetOptions,
} from "../../rpc/connection_options.js";
import type { Terminal } from "../../terminal.js";

const MAX_BYTES = 65_536;

const readToken = async ({ input }: Terminal): Promise<string> => {
  let text = "";
  for await (const chunk of input) {
    text += String(chunk);
    if (text.length > MAX_BYTES) throw misused("Standard input is too long for a token.");
  }
  return strippedLine(text);
};

const report = ({ verdict, steps, session }: ExplainTokenResponse): Report => ({
  document: {
    verdict,
    steps: steps.map(({ check, outcome, detail }) => ({
      check,
      outcome: ExplainStep_Outcome[outcome],
      detail,
    })),
    session: session === undefined ? null : sessionDocument(session),
  },
  text: [
    `Verdict: ${verdict}`,
    "",
    renderTable(
      ["CHECK", "OUTCOME", "DETAIL"],
      steps.map(({ check, outcome, detail }) => [
        check,
        (ExplainStep_Outcome[outcome] ?? "").toLowerCase(),
        detail,
      ]),
    ),
    ...(session === undefined ? [] : ["", sessionDetails(session)]),
  ].join("\n"),
});

/** Adds `sessions why`. */
export const addWhy = (sessions: Command, context: CommandContext): void => {
  const command = sessions
    .command("why")
    .description("say why a token is good or refused: every check, and what ended its session")
    .argument("<token>", "the access token, or - to read it from standard input")
    .action((token: string, _options: unknown, self: Command) => {
      const options = optionsOf<ConnectionOptions>(self);
      if (token === "-" && options.passwordStdin) {
        throw misused("Standard input cannot hold both the token and a password: use --token.");
      }
      return reportFromServer(context, options, async ({ sessions, call }) => {
        const accessToken = token === "-" ? await readToken(context.terminal) : token;
        return report(await call(sessions.explainToken.bind(sessions), { accessToken }));
      });
    });
  withCredentialOptions(withTargetOptions(command));
};
