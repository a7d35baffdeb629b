import { stringify } from "yaml";
import { formatTuple, type Tuple } from "../../model/tuple.js";
import { instantText, tupleJson } from "../json.js";
import { columns, type Format } from "./format.js";

/** What stands before the tuples. @param schema the text in force at the snapshot, which `yaml` alone holds */
export function header(format: Format, schema: string): string {
  if (format === "csv") return `${columns.join(",")}\n`;
  // The schema as one scalar of YAML, whatever it holds; the tuples follow as lines of a second.
  return format === "yaml" ? `${stringify({ schema }, { blockQuote: "literal", lineWidth: 0 })}relationships: |-\n` : "";
}

/** One tuple, with its line feed. */
export function tupleText(format: Format, tuple: Tuple): string {
  switch (format) {
    case "lines":
      return `${formatTuple(tuple)}\n`;
    case "jsonl":
      return `${JSON.stringify(tupleJson(tuple))}\n`;
    case "csv":
      return `${csvFields(tuple).map(csvField).join(",")}\n`;
    case "yaml":
      return `  ${formatTuple(tuple)}\n`;
  }
}

function csvFields({ object, relation, subject, condition, expiresAt }: Tuple): string[] {
  const context = condition === undefined || Object.keys(condition.context).length === 0 ? "" : JSON.stringify(condition.context);
  return [
    object.type, object.id, relation, subject.type, subject.id, subject.relation,
    condition?.name ?? "", context, expiresAt === undefined ? "" : instantText(expiresAt),
  ];
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
