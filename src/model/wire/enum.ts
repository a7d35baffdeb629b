import { UsherError } from "../../base/errors.js";
import { quote } from "../object.js";

/**
 * An enum of the wire and its names in the model, in the order of their numbers from 1; 0 is
 * `_UNSPECIFIED` and stands for nothing. `mustMatch` is `PRECONDITION_KIND_MUST_MATCH`.
 */
export class WireEnum<Name extends string> {
  readonly proto: string;
  readonly names: readonly Name[];

  constructor(proto: string, names: readonly Name[]) {
    this.proto = proto;
    this.names = names;
  }

  /** @throws `invalid_request` */
  toWire(name: Name): number {
    const index = this.names.indexOf(name);
    if (index >= 0) return index + 1;
    throw new UsherError("invalid_request", `${quote(name)} is none of \`${this.names.join("`, `")}\``);
  }

  /** @throws `invalid_request` */
  fromWire(number: number, field = "kind"): Name {
    const name = this.names[number - 1];
    if (name !== undefined) return name;
    throw new UsherError("invalid_request", `field \`${field}\` is \`${number}\`, which is no value of \`${this.proto}\` that may be sent: give a kind, ${this.names.map((each) => `\`${each}\``).join(" or ")}`, { details: { field } });
  }
}
