/**
 * Ends this test file's process when the runner that started it is gone, so that a file which still waits for
 * something, and the servers it started, do not outlive a run that was killed.
 */
process.once("disconnect", () => {
  // vitest replaces process.exit with a function that throws.
  process.kill(process.pid, "SIGKILL");
});
