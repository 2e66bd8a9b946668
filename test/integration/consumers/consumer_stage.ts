import { execFile } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { generateKeyPair, SignJWT } from "jose";
import { createCertificateAuthority } from "../../support/certificates.js";
import { findFreePort } from "../../support/free_port.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { startTestService, type TestService } from "../../support/service.js";
import { readDocument, type Snippet, snippetsOf } from "../docs/document.js";
import { openSigner } from "../e2e/token_signer.js";

/** A running service behind https, and tokens for consumers to judge. */
export interface ConsumerStage {
  readonly userId: string;
  /** Tokens by their defect; `good` is one that the service issued. */
  readonly tokens: Readonly<Record<string, string>>;
  /** For the process of a consumer: ISSUER, AUDIENCE and trust in the certificate. */
  readonly environment: NodeJS.ProcessEnv;
  /** An empty folder in which Node finds the packages of this project. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** The code of a heading in the document of consumers. */
export const consumersIn = (language: string): readonly (readonly [string, string])[] => {
  const document = readDocument("integrations/consumers.md");
  const headingOf = ({ line }: Snippet): string =>
    document
      .split("\n")
      .slice(0, line)
      .findLast((text) => text.startsWith("## "))
      ?.slice(3) ?? "";
  return snippetsOf(document)
    .filter((snippet) => snippet.language === language && snippet.note === "consumer")
    .map((snippet) => [headingOf(snippet), snippet.text] as const);
};

/** Puts https in front of a port of this machine, as a proxy does in production. */
const startTlsFront = async (target: number) => {
  const authority = await createCertificateAuthority();
  const { certificateFile, keyFile } = await authority.issueServer();
  const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
  const server = createServer(tls, (request, response) => {
    const { method, url, headers } = request;
    const forwarded = httpRequest(
      { host: "localhost", port: target, method, path: url, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    forwarded.on("error", () => response.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `https://localhost:${port}`, caFile: authority.caFile, close };
};

/** The same header and claims under the signature of an unpublished key. */
const signByStranger = async (token: string): Promise<string> => {
  const [header = "", payload = ""] = token.split(".");
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  const { privateKey } = await generateKeyPair("ES256");
  return new SignJWT(read(payload)).setProtectedHeader(read(header)).sign(privateKey);
};

const withChangedClaims = (token: string): string => {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const changed = Buffer.from(JSON.stringify({ ...claims, sub: "somebody else" }));
  return [header, changed.toString("base64url"), signature].join(".");
};

const makeTokens = async (service: TestService, good: string) => {
  const sign = await openSigner(service.databaseUrl);
  const past = Math.floor(Date.now() / 1000) - 1000;
  return {
    good,
    "changed claims": withChangedClaims(good),
    "another key": await signByStranger(good),
    "another audience": await sign(good, { aud: ["another"] }),
    "another issuer": await sign(good, { iss: "https://other.example" }),
    "past its time": await sign(good, { iat: past - 900, exp: past }),
  };
};

/** Starts a service whose issuer is an https URL, and signs a user in. */
export const startConsumerStage = async (): Promise<ConsumerStage> => {
  const httpPort = await findFreePort();
  const front = await startTlsFront(httpPort);
  const service = await startTestService({
    HTTP_PORT: String(httpPort),
    JWT_ISSUER: front.origin,
  });
  const { username, userId } = await service.createUser(["auditor"]);
  const { accessToken } = await service.signIn(username);
  const folder = makePrivateFolder("consumers");
  const packages = fileURLToPath(new URL("../../../node_modules", import.meta.url));
  symlinkSync(packages, join(folder, "node_modules"));
  return {
    userId,
    tokens: await makeTokens(service, accessToken),
    environment: {
      PATH: process.env.PATH,
      HOME: folder,
      ISSUER: front.origin,
      AUDIENCE: service.settings.jwtAudience,
      NODE_EXTRA_CA_CERTS: front.caFile,
      SSL_CERT_FILE: front.caFile,
    },
    folder,
    async stop() {
      front.close();
      await service.stop();
    },
  };
};

/** What every consumer has to say of the tokens: the user of the good one, nothing of any other. */
export const expectedVerdicts = ({ tokens, userId }: ConsumerStage) =>
  Object.fromEntries(
    Object.keys(tokens).map((name) => [name, name === "good" ? userId : "refused"]),
  );

/** Runs a program with the tokens as JSON on its standard input, and reads its verdicts as JSON. */
export const judgeTokens = async (
  { tokens, environment }: ConsumerStage,
  program: string,
  parameters: readonly string[],
): Promise<unknown> => {
  const ran = promisify(execFile)(program, parameters, { env: environment });
  ran.child.stdin?.end(JSON.stringify(tokens));
  return JSON.parse((await ran).stdout);
};
