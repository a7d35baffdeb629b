/**
 * A request's path as its segments, decoded; undefined where two readers might take it for two paths: it has an empty segment, `.` or `..`, an encoded
 * slash or backslash, a control character, or an encoding that is none. What is behind the proxy may read such a path otherwise than the rules do, so no rule may match it.
 *
 *     /nodes/n%201/logs?tail=5     nodes, n 1, logs
 *     /nodes//n1    /nodes/%2e%2e/admin    /nodes/a%2Fb     none
 */
export function pathSegments(target: string): readonly string[] | undefined {
  const [path = ""] = target.split(/[?#]/, 1);
  if (path === "/") return [];
  if (!path.startsWith("/")) return undefined;
  const segments: string[] = [];
  for (const raw of path.slice(1).split("/")) {
    const segment = decoded(raw);
    if (segment === undefined || segment === "" || segment === "." || segment === ".." || /[/\\\p{Cc}]/u.test(segment)) return undefined;
    segments.push(segment);
  }
  return segments;
}

function decoded(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

type Segment = { readonly literal: string } | { readonly name: string };

const segmentPattern = /^(?:\{(?<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?<literal>[^{}*%?#\\]+))$/;

/** `/nodes/{id}/logs`, `/static/**`: a name stands for one segment, `**` at the end for one or more. */
export class PathTemplate {
  readonly #segments: readonly Segment[];
  readonly #open: boolean;

  private constructor(segments: readonly Segment[], open: boolean) {
    this.#segments = segments;
    this.#open = open;
  }

  /** @returns what is wrong with it, in words, where something is */
  static parse(text: string): PathTemplate | string {
    if (!text.startsWith("/")) return "does not begin with `/`";
    const parts = text === "/" ? [] : text.slice(1).split("/");
    const open = parts.at(-1) === "**";
    if (open) parts.pop();
    const segments: Segment[] = [];
    const names = new Set<string>();
    for (const part of parts) {
      const { name, literal } = segmentPattern.exec(part)?.groups ?? {};
      if (name !== undefined && names.has(name)) return `has \`{${name}}\` twice`;
      if (name !== undefined) names.add(name);
      if (name !== undefined) segments.push({ name });
      else if (literal !== undefined && literal !== "." && literal !== "..") segments.push({ literal });
      else return "is none: write segments that are plain text or `{name}`, nothing encoded, and `**` at the end for any rest";
    }
    return new PathTemplate(segments, open);
  }

  get names(): readonly string[] {
    return this.#segments.flatMap((segment) => ("name" in segment ? [segment.name] : []));
  }

  /** What its names stand for; undefined: it does not match. */
  match(segments: readonly string[]): ReadonlyMap<string, string> | undefined {
    const fits = this.#open ? segments.length > this.#segments.length : segments.length === this.#segments.length;
    if (!fits) return undefined;
    const values = new Map<string, string>();
    for (const [i, part] of this.#segments.entries()) {
      const segment = segments[i] ?? "";
      if ("name" in part) values.set(part.name, segment);
      else if (part.literal !== segment) return undefined;
    }
    return values;
  }
}
