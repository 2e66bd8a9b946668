import { renderSettingsMarkdown } from "../src/config/settings_documents.js";

/** All settings as a document. */
export const renderConfiguration = (): string =>
  `# Configuration

<!-- Made from the settings' schema by scripts/docs.ts; a test compares it. -->

Curfew is configured by environment variables. Outside production it also reads a file \`.env\` in the working folder; the environment wins. [.env.example](../.env.example) has every setting with its default.

- A bad or unsafe value stops the start with one message that lists every problem. A name that looks like a misspelt setting is warned of.
- Minutes, hours and seconds take decimals: \`0.05\`.
- An empty value counts as none.
- Secrets are never repeated in a message or a log.
- \`NODE_ENV=production\` turns the safe choices on and requires \`DATABASE_URL\` (unless \`HOST\` is a loopback host), \`JWT_ISSUER\`, and \`KEY_ENCRYPTION_KEY\` or \`JWT_KEYS_DIR\`.

The command line also reads \`CURFEW_TARGET\` (the server to call, \`host:port\`), \`CURFEW_TOKEN\` (an administrator's access token or a service key), \`CURFEW_TLS_CA\` (the authorities to cacheLease, which also says that the server speaks TLS), \`CURFEW_TLS_CERT\` and \`CURFEW_TLS_KEY\` (a client certificate, for mTLS).

${renderSettingsMarkdown()}`;
