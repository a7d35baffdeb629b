import type { Guard } from "../guard.js";
import { admit, type Passage, type Requirement } from "./admission.js";

/** A response of `node:http`, as far as it is used: Express and Fastify have it too. */
export interface OutgoingResponse {
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
  destroy(error?: Error): unknown;
}

/** What of a response a refusal is written to. */
export interface RefusableResponse extends OutgoingResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * For Express and plain `node:http`: lets a request through to `next` while its permission holds. When that ends the response is destroyed, whatever
 * has been sent of it.
 *
 *     app.get("/nodes/:id/logs", requirePermission(guard, (req) => ({ object: object("node", req.params.id), permission: "view_logs", subject: object("user", req.user.id) })), logs);
 */
export function requirePermission<Request>(guard: Guard, requirement: (request: Request) => Requirement | Promise<Requirement>) {
  return async (request: Request, response: RefusableResponse, next: () => void): Promise<void> => {
    const refusal = await admit(guard, () => requirement(request), passageOf(response));
    // It may have been let in and shown out again by now.
    if (response.destroyed) return;
    if (refusal === undefined) return next();
    response.statusCode = refusal.status;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ code: refusal.code }));
  };
}

/** What of a Fastify reply is used. */
export interface FastifyLikeReply {
  readonly raw: OutgoingResponse;
  code(status: number): { send(body: object): unknown };
}

/** For Fastify, as a `preHandler`: the same. It calls back: after an async hook the handler runs, unless that has replied, and to who has gone it cannot. */
export function permissionHook<Request>(guard: Guard, requirement: (request: Request) => Requirement | Promise<Requirement>) {
  const hook = async (request: Request, reply: FastifyLikeReply, done: () => void) => {
    const refusal = await admit(guard, () => requirement(request), passageOf(reply.raw));
    if (reply.raw.destroyed) return;
    if (refusal === undefined) return done();
    reply.code(refusal.status).send({ code: refusal.code });
  };
  return (request: Request, reply: FastifyLikeReply, done: () => void): void => void hook(request, reply, done);
}

function passageOf(response: OutgoingResponse): Passage {
  const over = new AbortController();
  response.once("close", () => over.abort());
  if (response.destroyed) over.abort();
  return { over: over.signal, end: () => response.destroy() };
}
