import type { UsherError } from "../../base/errors.js";
import type { Role } from "../../model/role.js";
import type { Call } from "../../model/service.js";
import type { CallClass } from "../admission.js";
import type { ServerObserver } from "../telemetry/observer.js";

/** What a request brings. */
export interface HttpRequest {
  /** The body's JSON, undefined where there is none. @throws `invalid_request` */
  readonly body: unknown;
  /** What the `:names` of the route's URL stand for, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** @param name in lower case */
  readonly header: (name: string) => string | undefined;
}

export interface HttpAnswer {
  /** Default: 200. */
  readonly status?: number;
  /** As JSON; undefined: no body. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What all routes say of themselves. The method and the URL's template name a route in figures, traces and messages. */
interface Route<Request> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `/stores/:store/check` */
  readonly url: string;
  /** What a key must have for it. */
  readonly role: Role;
  /** A call that breaks off may have changed something all the same: it is answered when it did. Default: false. */
  readonly writes?: boolean;
  /** What its calls are worth under overload, or how that is seen in a request. */
  readonly callClass: CallClass | ((request: Request) => CallClass);
  /** From what was sent to what is asked; runs once the call is let in. @throws what the caller did wrong */
  read(request: HttpRequest): Request;
}

/** A request with one answer. */
export interface AnswerRoute<Request> extends Route<Request> {
  answer(request: Request, call: Call): Promise<HttpAnswer>;
}

/** A request with a stream of pieces, sent as fast as the client takes them. */
export interface StreamRoute<Request> extends Route<Request> {
  readonly contentType: string;
  /** Sent at once, so that clients see that the stream stands. */
  readonly preface?: string;
  /** Ends with the client, with an error, or by itself. What fails before the first piece, and soon, is answered with a status. */
  stream(request: Request, call: Call): AsyncIterable<string>;
  /** The last piece where an error ends it. */
  ending(error: UsherError): string;
}

/** What everybody may read, with a key or without, and which is always the same. */
export interface OpenRoute {
  readonly url: string;
  readonly answer: () => HttpAnswer;
}

/** Where an adapter puts its routes. */
export interface HttpRoutes {
  /** Is to be told of decisions. */
  readonly observer: ServerObserver;
  /** The URL under which others reach the host, without a slash at its end: `https://usher.example:8443`; known once it listens. */
  readonly url: string;
  answer<Request>(route: AnswerRoute<Request>): void;
  stream<Request>(route: StreamRoute<Request>): void;
  open(route: OpenRoute): void;
}

/** One dialect over HTTP: it translates and does nothing else. */
export interface HttpAdapter {
  register(routes: HttpRoutes): void;
  /** How its routes tell of a failure; default: `{ "error": { "code", "message", "details" } }` with the status. */
  failure?(error: UsherError, status: number): HttpAnswer;
}
