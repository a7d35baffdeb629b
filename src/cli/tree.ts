/** A tree to be drawn: a line each, with its children below. */
export interface Tree {
  readonly label: string;
  readonly children: readonly Tree[];
}

/**
 * The lines of a tree:
 *
 *     doc:1#view
 *     ├─ doc:1#viewer
 *     │  └─ user:ana
 *     └─ parent->view
 */
export function drawTree(tree: Tree): string {
  const lines: string[] = [];
  const draw = (node: Tree, lead: string, below: string): void => {
    lines.push(lead + node.label);
    node.children.forEach((child, index) => {
      const last = index === node.children.length - 1;
      draw(child, below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "));
    });
  };
  draw(tree, "", "");
  return lines.join("\n");
}
