import { InvalidArgumentError } from "commander";

/** A path as it was given. An empty one, which a variable that is not set becomes, would mean the folder that the command happens to run in. */
export function parsePath(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty: name a file or folder.");
  return text;
}
