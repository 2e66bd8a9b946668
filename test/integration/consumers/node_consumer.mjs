// Judges each token of the JSON on standard input by the snippets whose files are the arguments.
// Prints by file and token: the subject, or "refused".
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const tokens = JSON.parse(await text(process.stdin));

/** Sends requests to a web application on a free port. */
const verifierOf = async (app) => {
  if (app.inject) {
    return async (token) => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await app.inject({ url: "/me", headers });
      if (answer.statusCode !== 401) return answer.json();
      throw new Error(answer.body);
    };
  }
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).end());
  const server = app.listen(0, "127.0.0.1");
  server.unref();
  await once(server, "listening");
  return async (token) => {
    const headers = { authorization: `Bearer ${token}`, connection: "close" };
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/me`, { headers });
    if (answer.status !== 401) return answer.json();
    throw new Error("401");
  };
};

const verdicts = {};
for (const file of process.argv.slice(2)) {
  const { app, verify } = await import(pathToFileURL(file).href);
  const judge = verify ?? (await verifierOf(app));
  const own = {};
  for (const [name, token] of Object.entries(tokens)) {
    own[name] = await Promise.resolve(token)
      .then(judge)
      .then(
        (claims) => claims.sub,
        (error) => (name === "good" ? String(error?.stack ?? error) : "refused"),
      );
  }
  verdicts[file] = own;
}
process.stdout.write(JSON.stringify(verdicts));
process.exit();
