import { once } from "node:events";
import {
  type AddressInfo,
  connect as connectTo,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";

let target: Server;
let received: string;
let proxy: TcpProxy;
const clients: Socket[] = [];

/** Answers every message with itself. */
beforeEach(async () => {
  received = "";
  target = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received += chunk;
      target.emit("received");
      socket.write(chunk);
    });
  }).listen(0, "127.0.0.1");
  await once(target, "listening");
  proxy = await startTcpProxy({ port: (target.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  target.close();
});

async function connect(): Promise<Socket> {
  const client = connectTo(proxy.port, proxy.host);
  clients.push(client);
  await once(client, "connect");
  return client;
}

async function answerTo(client: Socket, message: string): Promise<string> {
  client.write(message);
  const [chunk] = await once(client, "data");
  return String(chunk);
}

/** True when nothing arrives at `client` within 50 ms. */
async function hearsNothing(client: Socket): Promise<boolean> {
  const heard = once(client, "data", { signal: AbortSignal.timeout(50) });
  return heard.then(
    () => false,
    () => true,
  );
}

test("forwards both ways, and the end of one side is the end of the other", async () => {
  const client = await connect();
  expect(await answerTo(client, "hello")).toBe("hello");
  expect(proxy.connectionCount()).toBe(1);

  client.end();
  await once(client, "close");

  expect(proxy.connectionCount()).toBe(0);
});

test("cut resets the connections there are and new ones, until restore", async () => {
  const client = await connect();
  await answerTo(client, "hello");

  proxy.cut();
  await expect(once(client, "data")).rejects.toThrow("ECONNRESET");
  await expect(connect().then((refused) => once(refused, "data"))).rejects.toThrow("ECONNRESET");

  proxy.restore();
  expect(await answerTo(await connect(), "again")).toBe("again");
});

test("hang delivers nothing, and restore delivers all of it", async () => {
  const client = await connect();
  await answerTo(client, "hello");

  proxy.hang();
  client.write("late");
  expect(await hearsNothing(client)).toBe(true);
  expect(received).toBe("hello");

  proxy.restore();
  expect(String(await once(client, "data"))).toBe("late");
});

test("hang of the answers lets the target hear the requests", async () => {
  const client = await connect();
  await answerTo(client, "hello");

  proxy.hang("answers");
  client.write("!");
  await once(target, "received");

  expect(received).toBe("hello!");
  expect(await hearsNothing(client)).toBe(true);
});

test("delay keeps the order and costs its time each way", async () => {
  const client = await connect();
  await answerTo(client, "hello");
  proxy.delay(40);
  const started = performance.now();

  client.write("a");
  client.write("b");
  let heard = "";
  while (heard.length < 2) heard += String(await once(client, "data"));

  expect(heard).toBe("ab");
  expect(performance.now() - started).toBeGreaterThanOrEqual(78);
});

test("urlFor changes host and port only", () => {
  expect(proxy.urlFor("postgres://user:secret@db.example:5432/name?x=1")).toBe(
    `postgres://user:secret@127.0.0.1:${proxy.port}/name?x=1`,
  );
});
