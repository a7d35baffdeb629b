import { compileSchema } from "../../src/model/schema/compile.js";
import type { Schema } from "../../src/model/schema/schema.js";

/** The same members over the same relations, with other operators. */
export function turned(schema: Schema): Schema {
  const turns: Record<string, string> = { "+": "&", "&": "-", "-": "+" };
  try {
    return compileSchema(schema.text.replace(/ ([-+&]) /g, (_, operator: string) => ` ${turns[operator]} `));
  } catch {
    return schema;
  }
}
