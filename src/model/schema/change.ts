/** One thing in which two schemas differ. */
export interface SchemaChange {
  readonly element: "definition" | "relation" | "permission" | "condition";
  /** `document`, `document#view`, `office_hours`. */
  readonly name: string;
  readonly kind: SchemaChangeKind;
  /** Its own text means what it meant: it moves with what it uses, which `causes` names. Absent: false. */
  readonly indirect?: boolean;
  /** The relations, permissions and conditions it uses that stand otherwise, sorted; each is a change of its own. Absent: none. */
  readonly causes?: readonly string[];
  /** As the language writes it, without comments; a definition without its members. Absent: it was not there. */
  readonly from?: string;
  /** Absent: it is there no longer. */
  readonly to?: string;
  /** Of a relation: the alternatives that it allows newly, `team#member`, `user with office_hours`. Absent: none. */
  readonly allows?: readonly string[];
  /** Of a relation: the alternatives that it allows no longer. Absent: none. */
  readonly forbids?: readonly string[];
  /** Of a condition. Absent: its parameters are as they were. */
  readonly parameters?: readonly ParameterChange[];
}

/**
 * `widened`: whatever the tuples are, all who had it have it still, and others may. `narrowed`: nobody has it who had it not.
 * `changed`: neither is known. `equivalent`: written otherwise, and means the same. `documented`: the comment alone differs.
 * What is added or removed with its definition is not told again for each member.
 */
export type SchemaChangeKind = "added" | "removed" | "widened" | "narrowed" | "changed" | "equivalent" | "documented";

export interface ParameterChange {
  readonly name: string;
  /** Its type; absent: it was not declared. */
  readonly from?: string;
  /** Absent: it is declared no longer. */
  readonly to?: string;
}
