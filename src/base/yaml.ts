import { LineCounter, parseDocument, type Document } from "yaml";

/** A document, and what is wrong with its text: a place and a reason each. */
export interface ParsedYaml {
  readonly document: Document;
  readonly problems: readonly string[];
}

/**
 * Reads a file that operators write. What is wrong is said by its place and never by quoting it, since what stands there may be a secret.
 *
 *     metricsToken: |s3cr3t        line 1, column 16: block scalar header includes extra characters
 */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return `line ${line}, column ${col}: ${reason(message)}`;
  });
  return { document, problems };
}

/** The library puts what it read behind a colon or a backslash. */
function reason(message: string): string {
  const [words = ""] = message.split(/[:\\\n]/);
  return words.charAt(0).toLowerCase() + words.slice(1).trimEnd();
}
