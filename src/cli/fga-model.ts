import { basename } from "node:path";
import { UsherError } from "../base/errors.js";
import { quote } from "../model/object.js";
import { moduleNames, parseModel, parseModules } from "../server/adapters/openfga/convert.js";
import type { AuthorizationModel } from "../server/adapters/openfga/model.js";
import { besideFile, readText } from "./input.js";

/** OpenFGA's model in a file, or of a text that was read from it: its language, its JSON, or an `fga.mod` with the files that it names. @throws `invalid_file`, `invalid_schema` */
export async function readFgaModel(file: string, text?: string): Promise<AuthorizationModel> {
  const read = text ?? (await readText(file));
  if (basename(file) !== "fga.mod") return parseModel(read);
  const files = [];
  for (const name of moduleNames(read)) {
    const path = besideFile(file, name);
    if (path === undefined) throw new UsherError("invalid_file", `file ${quote(file)} names ${quote(name)}, which is not in its own folder`, { details: { file } });
    files.push({ name, contents: await readText(path) });
  }
  return parseModules(read, files);
}
