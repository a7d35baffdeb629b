import { formatTuple } from "../../model/tuple.js";
import type { Output } from "../output.js";
import type { FollowEvents } from "./follower.js";

/** What `usher follow` prints of its events: a line each, one after the other. A mirror goes on where they cannot be written; the command fails for it when it ends. */
export function followLines(output: Output, source: string): FollowEvents & { flushed(): Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  let failure: { readonly thrown: unknown } | undefined;
  const line = (text: () => string, value: object) => {
    last = last.then(() => output.write(text, () => value)).catch((thrown: unknown) => {
      failure ??= { thrown };
    });
  };
  const beside = (text: string, value: object) => (output.json ? line(() => "", value) : output.note(text));
  return {
    importing: (token) => line(() => `importing  ${source}  at ${token}`, { event: "importing", source, token }),
    imported: (result) =>
      line(
        () => `imported ${result.imported}  changed ${result.changed}  removed ${result.removed}  refused ${result.refused}${result.zookie === undefined ? "" : `  zookie ${result.zookie}`}`,
        { event: "imported", ...result },
      ),
    following: (token) => line(() => `following  after ${token}`, { event: "following", token }),
    schemaWritten: () => line(() => "the schema was written", { event: "schema" }),
    applied: ({ operations, refused, lagMs, token }) =>
      line(() => `applied ${operations}  refused ${refused}  lag ${lagMs.toFixed(1)} ms  through ${token}`, { event: "applied", operations, refused, lagMs: Number(lagMs.toFixed(1)), token }),
    refused: (refusal) => beside(`refused  ${refusal.relationship}  ${refusal.reason}`, { event: "refused", ...refusal }),
    orphaned: (tuple) => beside(`removed  ${formatTuple(tuple)}  the new schema does not allow it`, { event: "removed", tuple: formatTuple(tuple) }),
    note: (text) => beside(text, { event: "note", text }),
    flushed: async () => {
      await last;
      if (failure !== undefined) throw failure.thrown;
    },
  };
}
