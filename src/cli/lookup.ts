import type { Command } from "commander";
import { addLookupObjects } from "./lookup-objects.js";
import { addLookupPermissions } from "./lookup-permissions.js";
import { addLookupSubjects } from "./lookup-subjects.js";
import type { Runner } from "./options.js";

export function addLookup(program: Command, run: Runner): void {
  const group = program.command("lookup").description("list what may be done: the objects of a subject, the subjects of an object, the permissions between both");
  addLookupObjects(group, run);
  addLookupSubjects(group, run);
  addLookupPermissions(group, run);
}
