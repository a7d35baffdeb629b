import { compileSchema } from "../../../model/schema/compile.js";
import type { Schema } from "../../../model/schema/schema.js";
import type { Call, CheckRequest, Decision, Explanation } from "../../../model/service.js";
import { contextToStruct, type StructMessage } from "../../../model/wire/struct.js";
import { permissionships, type PartialCaveatMessage } from "./answers.js";
import type { Reads } from "./consistency.js";
import { writeObject, writeSubject, type ObjectMessage, type SubjectMessage } from "./references.js";

export interface DebugMessage {
  readonly check?: TraceMessage | undefined;
  readonly schemaUsed: string;
}

interface TraceMessage {
  readonly resource: ObjectMessage;
  readonly permission: string;
  readonly permissionType: number;
  readonly subject: SubjectMessage;
  readonly result: number;
  readonly caveatEvaluationInfo?: CaveatInfoMessage;
  readonly wasCachedResult?: boolean;
  readonly subProblems?: { readonly traces: readonly TraceMessage[] };
}

interface CaveatInfoMessage {
  readonly expression: string;
  readonly result: number;
  readonly context: StructMessage;
  readonly partialCaveatInfo?: PartialCaveatMessage;
  readonly caveatName: string;
}

/** `CheckDebugTrace.Permissionship`; what was left undecided is none of them. */
const results = { ...permissionships, undecided: 0 } as const;

/** `CheckDebugTrace.PermissionType` */
const permissionTypes = { relation: 1, permission: 2 } as const;

/** `CaveatEvalInfo.Result` */
const caveatResults = { denied: 2, allowed: 3, conditional: 4, undecided: 1 } as const;

/** How a decision came about, as SpiceDB shows it, with the schema that was in force at its snapshot. */
export async function traceOf(reads: Reads, { subject }: Pick<CheckRequest, "subject">, { explanation, zookie }: Decision, call: Call): Promise<DebugMessage> {
  const { text } = await reads.readSchema({ consistency: { kind: "exact", zookie } }, call);
  if (explanation === undefined) return { schemaUsed: text };
  const [check] = new Traces(compileSchema(text), writeSubject(subject)).of(explanation);
  return { check, schemaUsed: text };
}

/** SpiceDB shows relations and permissions alone: what lies between them stands among the steps of the one around it. */
class Traces {
  readonly #schema: Schema;
  readonly #subject: SubjectMessage;

  constructor(schema: Schema, subject: SubjectMessage) {
    this.#schema = schema;
    this.#subject = subject;
  }

  of(step: Explanation): TraceMessage[] {
    const { object, member, children } = step;
    const kind = object && member !== undefined ? this.#schema.definitions.get(object.type)?.members.get(member)?.kind : undefined;
    if (object === undefined || member === undefined || kind === undefined) return children.flatMap((child) => this.of(child));
    const condition = children.find((child) => child.tuple?.condition !== undefined && child.answer === step.answer);
    return [
      {
        resource: writeObject(object),
        permission: member,
        permissionType: permissionTypes[kind],
        subject: this.#subject,
        result: results[step.answer],
        ...(condition && this.#caveat(condition)),
        ...(step.kind === "memo" ? { wasCachedResult: true } : { subProblems: { traces: children.flatMap((child) => this.of(child)) } }),
      },
    ];
  }

  #caveat({ tuple, answer, missingFields }: Explanation): Pick<TraceMessage, "caveatEvaluationInfo"> {
    const { name = "", context = {} } = tuple?.condition ?? {};
    return {
      caveatEvaluationInfo: {
        expression: this.#schema.conditions.get(name)?.expression ?? "",
        result: caveatResults[answer],
        context: contextToStruct(context, "context"),
        ...(missingFields && { partialCaveatInfo: { missingRequiredContext: missingFields } }),
        caveatName: name,
      },
    };
  }
}
