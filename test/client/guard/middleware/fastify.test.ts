import { Readable } from "node:stream";

import fastify, { type FastifyRequest } from "fastify";

import { permissionHook } from "../../../../src/client/guard/middleware/require-permission.js";
import { itIsADoor, type OpenDoor } from "./http-door.js";

type NodeRequest = FastifyRequest<{ Params: { id: string } }>;

const openFastify: OpenDoor = async (site, backend) => {
  const app = fastify({ forceCloseConnections: true });
  const preHandler = permissionHook(site.guard, (request: NodeRequest) => site.requirement(request.params.id, request.headers["x-user"]));
  app.get("/nodes/:id/logs", { preHandler }, (_request, reply) => reply.type("text/plain").send(Readable.from(backend.logs(), { objectMode: false })));
  app.get("/nodes/:id/events", { preHandler }, (_request, reply) => reply.type("text/event-stream").send(Readable.from(backend.logs(), { objectMode: false })));
  app.get("/nodes/:id", { preHandler }, (request: NodeRequest) => backend.node(request.params.id));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { server: app.server, close: () => app.close() };
};

describe("a Fastify service with `permissionHook`", () => itIsADoor(openFastify));
