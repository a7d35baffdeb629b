/** Why a condition's text is refused, and where: the schema compiler turns it into a position in the schema. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
  /** In UTF-16 units from the start of the expression. */
  readonly offset: number;
  readonly length: number;
  /** The parameter whose declaration is wrong; then offset and length say nothing. */
  readonly parameter?: string;

  constructor(message: string, offset: number, length: number, parameter?: string) {
    super(message);
    this.offset = offset;
    this.length = length;
    if (parameter !== undefined) this.parameter = parameter;
  }
}
