import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/**
 * Adds `completion <shell>`, which prints a script for the shell to read, and
 * the hidden `complete` that the script calls. Call it last: it looks at all
 * other commands.
 */
export const addCompletionCommands = (program: Command): void => {
  tab(program, { completionCommandName: "completion" });
  program.commands
    .find((command) => command.name() === "completion")
    ?.description("print what makes a shell complete this command, for example in ~/.bashrc")
    .addHelpText(
      "after",
      `
To have it from the next shell on:
  bash        echo 'eval "$(curfew completion bash)"' >> ~/.bashrc
              (it needs the package bash-completion)
  zsh         echo 'eval "$(curfew completion zsh)"' >> ~/.zshrc
  fish        curfew completion fish > ~/.config/fish/completions/curfew.fish
  powershell  curfew completion powershell >> $PROFILE`,
    );
};
