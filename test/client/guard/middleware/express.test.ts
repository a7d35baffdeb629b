import { once } from "node:events";
import type { Server } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import express, { type Request, type Response } from "express";

import { requirePermission } from "../../../../src/client/guard/middleware/require-permission.js";
import { itIsADoor, type OpenDoor } from "./http-door.js";

const openExpress: OpenDoor = async (site, backend) => {
  const app = express();
  app.use("/nodes/:id", requirePermission(site.guard, (request: Request<{ id: string }>) => site.requirement(request.params.id, request.headers["x-user"])));
  // What is cut is no failure of the handler.
  const tail = (response: Response) => pipeline(Readable.from(backend.logs()), response).catch(() => undefined);
  app.get("/nodes/:id/logs", (_request, response) => tail(response.type("text/plain")));
  app.get("/nodes/:id/events", (_request, response) => tail(response.type("text/event-stream")));
  app.get("/nodes/:id", ({ params }, response) => void response.json(backend.node(params.id)));
  const server: Server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
};

describe("an Express service with `requirePermission`", () => itIsADoor(openExpress));
