import type { Command } from "commander";
import { unreachable } from "../base/assert.js";
import { formatObject } from "../model/object.js";
import type { ExpandNode, ExpandSubject } from "../model/service.js";
import { formatSubject, isUserset } from "../model/subject.js";
import { expandJson, instantText } from "./json.js";
import { withUsher, type Runner } from "./options.js";
import type { Output } from "./output.js";
import { addSnapshotOptions, consistencyOf, type SnapshotOptions } from "./snapshot-options.js";
import { drawTree, type Tree } from "./tree.js";

interface ExpandOptions extends SnapshotOptions {
  readonly deep?: boolean;
}

export function addExpand(program: Command, run: Runner): void {
  const command = addSnapshotOptions(program.command("expand"))
    .description("who has a permission on an object: the tree of unions, intersections and exclusions behind it")
    .argument("<object>", "type:id")
    .argument("<permission>", "a permission or relation of the object's type")
    .option("--deep", "expand usersets down to their subjects")
    .addHelpText("after", `
Examples:
  $ usher expand node:n1 restart
  $ usher expand node:n1 restart --deep`);
  command.action((object: string, permission: string) =>
    run<ExpandOptions>(command, async ({ options, output }) => {
      const { zookie, tree } = await withUsher(options, (usher) => usher.expand(object, permission, { deep: options.deep ?? false, ...consistencyOf(options) }));
      await output.write(
        () => drawTree(treeOf(tree, options.deep ?? false, output)),
        () => ({ zookie, tree: expandJson(tree) }),
      );
      return undefined;
    }),
  );
}

function treeOf(node: ExpandNode, deep: boolean, output: Output): Tree {
  const children = node.kind === "leaf" ? node.subjects.map((each) => subjectTree(each, deep, output)) : node.children.map((child) => treeOf(child, deep, output));
  const kind = children.length === 0 ? "nobody" : kindText(node.kind);
  return { label: `${formatObject(node.object)}#${node.member}${kind === "" ? "" : output.style("dim", `  ${kind}`)}`, children };
}

function kindText(kind: ExpandNode["kind"]): string {
  switch (kind) {
    case "leaf": return "";
    case "union": return "any of";
    case "intersection": return "all of";
    case "exclusion": return "the first, without the second";
    default: return unreachable(kind);
  }
}

function subjectTree(entry: ExpandSubject, deep: boolean, output: Output): Tree {
  const notes = [
    entry.condition === undefined ? "" : `if ${entry.condition.name}${Object.keys(entry.condition.context).length === 0 ? "" : ` ${JSON.stringify(entry.condition.context)}`}`,
    entry.expiresAt === undefined ? "" : `until ${instantText(entry.expiresAt)}`,
    deep && isUserset(entry.subject) && entry.expanded === undefined ? "a cycle: expanded above" : "",
  ].filter((note) => note !== "");
  return {
    label: `${output.style("bold", formatSubject(entry.subject))}${notes.length === 0 ? "" : output.style("dim", `  ${notes.join(", ")}`)}`,
    children: entry.expanded === undefined ? [] : [treeOf(entry.expanded, deep, output)],
  };
}
