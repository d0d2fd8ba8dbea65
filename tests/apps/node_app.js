// The Node service: plain http with terminus, as its own documentation has it: one check, verbatim, the failed ones as causes.

"use strict";

const http = require("node:http");
const net = require("node:net");
const { createTerminus, HealthCheckError } = require("@godaddy/terminus");

const redis = new URL(process.env.REDIS_URL);
const REDIS_TIMEOUT_MS = 500;

// A PING that is answered, over a connection of its own.
function pingRedis() {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: redis.hostname, port: Number(redis.port) });
    let answer = "";
    socket.setTimeout(REDIS_TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${REDIS_TIMEOUT_MS} ms`)));
    socket.on("connect", () => socket.write("PING\r\n"));
    socket.on("data", (bytes) => {
      answer += bytes;
      if (!answer.includes("\r\n")) return;
      if (answer.startsWith("+PONG")) resolve();
      socket.destroy(new Error(`answered ${answer.trim()}`));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
  });
}

async function ready() {
  try {
    await pingRedis();
  } catch (error) {
    throw new HealthCheckError("not ready", [`redis: ${error.message}`]);
  }
  return { redis: "up" };
}

const server = http.createServer((request, response) => {
  const found = request.url === "/work";
  response.writeHead(found ? 200 : 404, { "Content-Type": "application/json" });
  response.end(JSON.stringify(found ? { answer: 42 } : { error: "no such path" }));
});

createTerminus(server, {
  healthChecks: { "/ready": ready, verbatim: true },
  // The status of an answer that says "error": 503 is what terminus itself takes.
  statusError: Number(process.env.STATUS_ERROR ?? 503),
});

server.listen(Number(process.argv[3]), process.argv[2]);
