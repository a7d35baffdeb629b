import { parentPort, workerData } from "node:worker_threads";
import { asError } from "../base/errors.js";
import type { VerifiedAnswers } from "../decisions/port.js";
import { evaluate, type Question } from "../evaluation/evaluate.js";
import { compileSchema } from "../model/schema/compile.js";
import type { Schema } from "../model/schema/schema.js";
import type { Revision, TenantId } from "../model/zookie.js";
import { CheckpointReader } from "../storage/level/checkpoint-reader.js";
import type { Snapshot } from "../storage/store.js";
import { validateQuestion } from "./validate.js";
import type { VerificationOrder, VerificationReport, VerificationRequest } from "./verification-thread.js";

type Ask = Extract<VerificationRequest, { readonly kind: "ask" }>;

/** The thread of `VerificationThread`: evaluates what it is asked from its checkpoint, past every cache, one request after another. */
class Thread {
  readonly #port = parentPort;
  readonly #ending = new AbortController();
  readonly #schemas = new Map<TenantId, { readonly schema: Schema; readonly revision: Revision }>();
  #last: Promise<void> = Promise.resolve();

  async run({ checkpoint }: VerificationOrder): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#ending.signal.addEventListener("abort", () => resolve(), { once: true }));
    const opened = CheckpointReader.open(checkpoint);
    // Whoever asks is told of it.
    opened.catch(() => undefined);
    this.#port?.on("message", (request: VerificationRequest) => {
      if (request.kind === "end") this.#ending.abort();
      else this.#last = this.#last.then(async () => this.#port?.postMessage(await this.#report(opened, request)));
    });
    await ended;
    await this.#last;
    await opened.then((reader) => reader.close(), () => undefined);
    this.#port?.close();
  }

  async #report(opened: Promise<CheckpointReader>, request: Ask): Promise<VerificationReport> {
    try {
      const snapshot = (await opened).snapshot();
      try {
        return { kind: "answers", answers: await this.#answers(snapshot, request) };
      } finally {
        snapshot.release();
      }
    } catch (error) {
      return { kind: "failed", message: asError(error).message };
    }
  }

  async #answers(snapshot: Snapshot, { tenant, questions, now }: Ask): Promise<VerifiedAnswers> {
    const start = performance.now();
    const known = await this.#schema(snapshot, tenant);
    if (known === undefined) return { revision: snapshot.revision, schemaRevision: 0, tookMs: 0, values: questions.map(() => undefined) };
    const { schema, revision: schemaRevision } = known;
    const valid = questions.map((question) => validated(question, schema));
    const asked = valid.filter((question) => question !== undefined);
    const found = await evaluate(asked, { schema, snapshot, tenant, now }, this.#ending.signal);
    let at = 0;
    const values = valid.map((question) => (question === undefined ? undefined : found[at++]?.value));
    return { revision: snapshot.revision, schemaRevision, tookMs: performance.now() - start, values };
  }

  /** Undefined: the tenant had none then. */
  async #schema(snapshot: Snapshot, tenant: TenantId): Promise<{ readonly schema: Schema; readonly revision: Revision } | undefined> {
    const known = this.#schemas.get(tenant);
    if (known !== undefined) return known;
    const read = await snapshot.schema(tenant);
    if (read === undefined) return undefined;
    const compiled = { schema: compileSchema(read.text), revision: read.revision };
    this.#schemas.set(tenant, compiled);
    return compiled;
  }
}

/** Undefined: the schema of the checkpoint does not know what is asked. */
function validated(question: Question, schema: Schema): Question | undefined {
  try {
    return validateQuestion(question, schema);
  } catch {
    return undefined;
  }
}

await new Thread().run(workerData as VerificationOrder);
