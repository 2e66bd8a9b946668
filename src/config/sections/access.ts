import { readableFile } from "../file_values.js";
import { setting } from "../setting.js";
import { trustedIssuersFile } from "../trusted_issuers.js";
import { commaList, duration, oneOf, text, wholeNumber } from "../value_schemas.js";

/** Settings for the access of callers and the authentication of people. */
export const ACCESS_SETTINGS = {
  serviceAuth: setting({
    name: "SERVICE_AUTH",
    schema: oneOf("none", "key", "mtls").optional(),
    fallbackDoc: "`none` on a loopback host outside production, else `key`",
    doc: "How other backends prove who they are: not at all (loopback hosts only), by a service key, or by a client certificate.",
  }),
  tlsCertFile: setting({
    name: "TLS_CERT_FILE",
    schema: readableFile().optional(),
    fallbackDoc: "no TLS",
    doc: "Certificate chain of the gRPC port, PEM; renewed files are read again by themselves. REST and metrics are plain HTTP: put a proxy in front.",
  }),
  tlsKeyFile: setting({
    name: "TLS_KEY_FILE",
    schema: readableFile().optional(),
    fallbackDoc: "no TLS",
    doc: "Private key of the certificate, PEM.",
  }),
  tlsClientCaFile: setting({
    name: "TLS_CLIENT_CA_FILE",
    schema: readableFile().optional(),
    fallbackDoc: "no client certificates",
    doc: "Authorities whose client certificates are accepted, PEM. Required by `SERVICE_AUTH=mtls`.",
  }),
  bootstrapAdminUsername: setting({
    name: "BOOTSTRAP_ADMIN_USERNAME",
    schema: text("a name of at most 254 characters", /^\P{Cc}{1,254}$/u).optional(),
    fallbackDoc: "`admin` with a generated password on the embedded database, else none",
    doc: "A start that finds no user makes this administrator.",
  }),
  bootstrapAdminPassword: setting({
    name: "BOOTSTRAP_ADMIN_PASSWORD",
    schema: text("a password of at most 1024 characters", /^.{1,1024}$/su).optional(),
    fallbackDoc: "see `BOOTSTRAP_ADMIN_USERNAME`",
    doc: "Password of that administrator.",
    secret: true,
    verbatim: true,
  }),
  passwordMinLength: setting({
    name: "PASSWORD_MIN_LENGTH",
    schema: wholeNumber(8, 128),
    fallback: "15",
    doc: "Fewest characters of a new password (NIST SP 800-63B-4: 15 where it is the only factor).",
  }),
  passwordContextWords: setting({
    name: "PASSWORD_CONTEXT_WORDS",
    schema: commaList("words or names separated by commas, of at least 4 letters", (item) =>
      /^\P{Cc}{4,100}$/u.test(item),
    ),
    fallback: "",
    doc: "Names that a new password must not be made of: organisation, products, projects. The words of `JWT_ISSUER` and `JWT_AUDIENCE`, and `curfew`, are among them anyway.",
  }),
  loginMaxFailures: setting({
    name: "LOGIN_MAX_FAILURES",
    schema: wholeNumber(1, 1_000),
    fallback: "5",
    doc: "Failed logins of one account within `LOGIN_LOCK_MINUTES` that lock it.",
  }),
  loginMaxFailuresPerSource: setting({
    name: "LOGIN_MAX_FAILURES_PER_SOURCE",
    schema: wholeNumber(1, 1_000_000),
    fallback: "100",
    doc: "Failed logins from one address within `LOGIN_LOCK_MINUTES` that lock it out.",
  }),
  loginLockMs: setting({
    name: "LOGIN_LOCK_MINUTES",
    schema: duration("minutes", 1_440),
    fallback: "15",
    doc: "How long failed logins count, and how long a lock lasts.",
  }),
  trustedIssuers: setting({
    name: "TRUSTED_ISSUERS_FILE",
    schema: trustedIssuersFile().optional(),
    fallbackDoc: "none: ExchangeToken refuses every token",
    doc: "Identity providers whose ID tokens are exchanged for sessions, as `docs/bring-your-own-login.md` describes; read at the start.",
  }),
} as const;
