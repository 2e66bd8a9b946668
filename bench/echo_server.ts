import { Server, ServerCredentials } from "@grpc/grpc-js";

/**
 * The bare baseline: a grpc-js server without interceptors that answers every
 * call with the same bytes, neither decoded nor encoded. Prints its port.
 */
const [responseBytes = "0"] = process.argv.slice(2);
const response = Buffer.alloc(Number(responseBytes), 1);
const identity = (bytes: Buffer): Buffer => bytes;

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    echo: {
      path: "/bench.Echo/Echo",
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  },
  {
    echo: (_call: unknown, callback: (error: null, bytes: Buffer) => void) =>
      callback(null, response),
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`port ${port}\n`);
});
