import type { Command } from "commander";
import { create } from "../client/references.js";
import { machineTime } from "../base/clock.js";
import { checkFilter, type TupleFilter } from "../model/filter.js";
import { formatObject, object } from "../model/object.js";
import { formatSubject } from "../model/subject.js";
import { parseSubject } from "../model/tuple-text.js";
import type { Tuple } from "../model/tuple.js";
import { parseDuration } from "./duration.js";
import { addAwaitOption, enforcementExit, receiptText, type AwaitOptions } from "./enforcement.js";
import { instantText, tupleJson } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import { deleteMatching } from "./tuple-delete.js";
import { addMetadataOptions, metadataRequest, type MetadataOptions } from "./write-options.js";

/** Which relation of which type says that a session stands. */
interface SessionOptions {
  readonly type: string;
  readonly relation: string;
}

/** A session is a tuple, `session:SESSION#active@SUBJECT`: what is granted to `session#active` ends with it. */
export function addSession(program: Command, run: Runner): void {
  const group = program.command("session").description("start, end and list sessions: tuples that stand for as long as somebody is signed in");
  addStart(group, run);
  addEnd(group, run);
  addList(group, run);
}

function addSessionOptions(command: Command): Command {
  return command.option("--type <type>", "the type of sessions", "session").option("--relation <name>", "its relation to the subject", "active");
}

function addStart(group: Command, run: Runner): void {
  const command = addMetadataOptions(addSessionOptions(group.command("start")))
    .description("start a session; fails where one of that id stands already, whoever's it is")
    .argument("<session>", "its id, without the type")
    .argument("<subject>", "type:id")
    .option("--for <duration>", "end it by itself after so long, as 8h; the schema must allow `with expiration`", parseDuration)
    .addHelpText("after", `
Examples:
  $ usher session start 5f3c user:ana --for 8h
  $ usher session start 5f3c user:ana --type login --relation holder`);
  command.action((id: string, subject: string) =>
    run<SessionOptions & MetadataOptions & { for?: number }>(command, async ({ options, output }) => {
      const expiresAt = options.for === undefined ? {} : { expiresAt: Math.floor(machineTime.wallMs()) + options.for };
      const tuple: Tuple = { object: object(options.type, id), relation: options.relation, subject: parseSubject(subject), ...expiresAt };
      // Ids of sessions come from outside: nobody shall be let into another one's.
      const preconditions = [{ kind: "mustNotMatch" as const, filter: filterOf(options, id) }];
      const { zookie } = await withUsher(options, (usher) => usher.write([create(tuple)], { ...metadataRequest(options), preconditions }));
      await output.write(
        () => `started  ${sessionText(tuple)}  zookie ${zookie}`,
        () => ({ ...tupleJson(tuple), zookie }),
      );
      return undefined;
    }),
  );
}

function addEnd(group: Command, run: Runner): void {
  const command = addAwaitOption(addMetadataOptions(addSessionOptions(group.command("end"))))
    .description("end a session, and with it all that was granted to it; that it does not stand is no error")
    .argument("<session>", "its id, without the type")
    .addHelpText("after", `
Examples:
  $ usher session end 5f3c --reason 'signed out'
  $ usher session end 5f3c --reason 'stolen device' --await`);
  command.action((id: string) =>
    run<SessionOptions & MetadataOptions & AwaitOptions>(command, async ({ options, output }) => {
      const startedAt = machineTime.monotonicMs();
      const filters = [filterOf(options, id)];
      const answer = await withUsher(options, (usher) => deleteMatching(usher, filters, options));
      const { deleted, zookie, enforcement } = answer;
      const receipt = receiptText(zookie, deleted > 0, enforcement, machineTime.monotonicMs() - startedAt);
      await output.write(
        () => `ended  ${formatObject(object(options.type, id))}  deleted ${deleted}  zookie ${zookie}${receipt}`,
        () => answer,
      );
      if (deleted === 0) output.note("usher: no such session stood");
      return enforcementExit(enforcement);
    }),
  );
}

function addList(group: Command, run: Runner): void {
  const command = addSessionOptions(group.command("list"))
    .description("print the sessions that stand, one a line: all of them, or a subject's")
    .argument("[subject]", "type:id")
    .addHelpText("after", `
Examples:
  $ usher session list
  $ usher session list user:ana --json`);
  command.action((subject: string | undefined) =>
    run<SessionOptions>(command, async ({ options, output }) => {
      const filter = { ...filterOf(options), ...(subject === undefined ? {} : subjectFilter(subject)) };
      await withUsher(options, async (usher) => {
        for await (const tuple of usher.read(filter)) {
          await output.write(() => sessionText(tuple), () => tupleJson(tuple));
          if (output.closed) break;
        }
      });
      return undefined;
    }),
  );
}

/** @throws `invalid_name`, `invalid_id` */
function filterOf({ type, relation }: SessionOptions, id?: string): TupleFilter {
  return checkFilter({ objectType: type, relation, ...(id === undefined ? {} : { objectId: id }) });
}

function subjectFilter(text: string): TupleFilter {
  const { type, id, relation } = parseSubject(text);
  return { subjectType: type, subjectId: id, subjectRelation: relation };
}

function sessionText({ object: session, subject, expiresAt }: Tuple): string {
  return `${formatObject(session)}  ${formatSubject(subject)}${expiresAt === undefined ? "" : `  until ${instantText(expiresAt)}`}`;
}
