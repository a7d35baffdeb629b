import type { Mutant } from "./mutant.js";

const express = ["test/client/guard/middleware/express.test.js"];
const fastify = ["test/client/guard/middleware/fastify.test.js"];
const sockets = ["test/client/guard/middleware/permission-upgrade.test.js"];
const calls = ["test/client/guard/middleware/permission-interceptor.test.js"];
const http = "src/client/guard/middleware/require-permission.js";
const upgrade = "src/client/guard/middleware/permission-upgrade.js";
const interceptor = "src/client/guard/middleware/permission-interceptor.js";

/** The doors of services: who is let in, and what is cut. */
export const doorMutants: readonly Mutant[] = [
  {
    name: "a door shows nobody out",
    file: "src/client/guard/middleware/admission.js",
    find: "onAbort(hold.signal, () => end(refusalOf(hold.signal.reason)));",
    replace: "",
    suites: express,
  },
  {
    name: "a door gives nothing back",
    file: "src/client/guard/middleware/admission.js",
    find: "onAbort(over, () => hold.release());",
    replace: "",
    suites: express,
  },
  {
    name: "a door of Fastify lets in who has gone",
    file: http,
    find: "if (reply.raw.destroyed)\n            return;",
    replace: "if (reply.raw.destroyed)\n            return done();",
    suites: fastify,
  },
  {
    name: "a door hears a socket that it has closed",
    file: upgrade,
    find: 'socket.removeAllListeners("message");',
    replace: "",
    suites: sockets,
  },
  {
    name: "a door lets what waits for a slow socket go out",
    file: upgrade,
    find: "if (socket.bufferedAmount > 0)",
    replace: "if (false)",
    suites: sockets,
  },
  {
    name: "a door waits for ever for a socket to take its close",
    file: upgrade,
    find: "setTimeout(() => socket.terminate(), limits.webSocketCloseMs).unref();",
    replace: "",
    suites: sockets,
  },
  {
    name: "a door of gRPC lets an answer out that was revoked while it was made",
    file: interceptor,
    find: "this.#call.sendStatus({ code: refused === 403 ? status.PERMISSION_DENIED : status.UNAVAILABLE, details: code });",
    replace: "",
    suites: calls,
  },
  {
    name: "a door of gRPC calls a handler of a stream before it knows",
    file: interceptor,
    find: "void letIn(undefined, () => next(metadata));",
    replace: "(void letIn(undefined, () => undefined), next(metadata));",
    suites: calls,
  },
  {
    name: "a door of gRPC does not tell the handler",
    file: interceptor,
    find: "details: code });\n        this.#cancel();",
    replace: "details: code });",
    suites: calls,
  },
];
