import type { Guard } from "../guard.js";
import { admit, type OutgoingResponse, type Requirement } from "./admission.js";

/** What of a response a refusal is written to. */
export interface RefusableResponse extends OutgoingResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * For Express and plain `node:http`: lets a request through to `next` while its permission holds.
 *
 *     app.get("/nodes/:id/logs", requirePermission(guard, (req) => ({ object: object("node", req.params.id), permission: "view_logs", subject: object("user", req.user.id) })), logs);
 */
export function requirePermission<Request>(guard: Guard, requirement: (request: Request) => Requirement) {
  return async (request: Request, response: RefusableResponse, next: () => void): Promise<void> => {
    const refusal = await admit(guard, () => requirement(request), response);
    if (refusal === undefined) return next();
    if (response.destroyed) return;
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

/** For Fastify, as a `preHandler`: the same. An async hook that has replied returns the reply. */
export function permissionHook<Request>(guard: Guard, requirement: (request: Request) => Requirement) {
  return async <Reply extends FastifyLikeReply>(request: Request, reply: Reply): Promise<Reply | undefined> => {
    const refusal = await admit(guard, () => requirement(request), reply.raw);
    if (refusal === undefined) return undefined;
    if (!reply.raw.destroyed) reply.code(refusal.status).send({ code: refusal.code });
    return reply;
  };
}
