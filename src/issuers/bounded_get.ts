import { type LookupAddress, lookup } from "node:dns";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

export interface GetBounds {
  /** Aborts the whole exchange: connecting, headers and body. */
  readonly signal: AbortSignal;
  readonly maxBytes: number;
  /**
   * Whether the host may be in a private or loopback network. True only for addresses that the operator has configured:
   * an address that another server names must not lead into the operator's own network.
   */
  readonly mayBePrivate: boolean;
}

/** Whether an address can be anybody's on the Internet. */
const isPublic = (address: string): boolean => ipaddr.process(address).range() === "unicast";

const refusal = (host: string): Error =>
  new Error(`${host} is not a public address, and the settings do not name it`);

/** Looks a name up as usual, and fails where one of its addresses is not public. */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined)
      callback(error ?? new Error(`${hostname} has no address`), "", 0);
    else if (!addresses.every(({ address }) => isPublic(address)))
      callback(refusal(hostname), "", 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/**
 * Reads a small document over HTTP, in bounded time and bytes. It follows no
 * redirect, sends no credentials, and keeps no connection.
 *
 * @throws Error for any status but 200 and any breach of the bounds
 */
export const boundedGet = async (
  url: URL,
  { signal, maxBytes, mayBePrivate }: GetBounds,
): Promise<Uint8Array> => {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!mayBePrivate && isIP(host) !== 0 && !isPublic(host)) throw refusal(host);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const { request } = url.protocol === "https:" ? https : http;
    request(url, {
      signal,
      agent: false,
      headers: { accept: "application/json" },
      ...(!mayBePrivate && { lookup: lookupPublic }),
    })
      .once("response", resolve)
      .once("error", reject)
      .end();
  });
  try {
    return await bodyOf(response, maxBytes);
  } finally {
    response.destroy();
  }
};

const bodyOf = async (response: IncomingMessage, maxBytes: number): Promise<Uint8Array> => {
  if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`);
  if (response.headers["content-encoding"] !== undefined)
    throw new Error("it answered with a content encoding that was not asked for");
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`it answered more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
