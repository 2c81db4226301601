// SPDX-License-Identifier: MIT
// The peer that most people would write: sends SIZE bytes to every client at each line on
// standard input.
import readline from "node:readline";
import { WebSocketServer, WebSocket } from "ws";

const size = Number(process.argv[2]);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("listening", () => console.log(server.address().port));
const frame = Buffer.alloc(size, 7);
readline.createInterface({ input: process.stdin }).on("line", () => {
    for (const client of server.clients)
        if (client.readyState === WebSocket.OPEN)
            client.send(frame);
}).on("close", () => process.exit(0));
