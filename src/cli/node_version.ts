/** The oldest Node that `engines` in package.json allows. */
const OLDEST = [20, 12] as const;

/** What to say of a Node that is too old; undefined: it is not. Imports nothing: any Node can run it. */
export const complaintAboutNode = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
    ? undefined
    : `Curfew needs Node ${OLDEST.join(".")} or newer, and this is ${version}: install a current Node (https://nodejs.org), then run \`npm ci\` again.`;
};
