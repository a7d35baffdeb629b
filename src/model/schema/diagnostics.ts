import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { SourceText, Span } from "./source.js";

/** One thing that is wrong, or (a warning) likely not meant, in a schema text. */
export interface SchemaDiagnostic {
  readonly severity: "error" | "warning";
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** In UTF-16 units. */
  readonly length: number;
  readonly message: string;
  /** The line with carets under the place. */
  readonly excerpt: string;
}

/**
 * Gathers diagnostics. One span is reported once at each severity: a partial's member that is wrong in
 * ten definitions is one error. At most `limits.schemaErrorsMax` of each severity are kept.
 */
export class Diagnostics {
  readonly #source: SourceText;
  readonly #errors = new Map<string, Finding>();
  readonly #warnings = new Map<string, Finding>();

  constructor(source: SourceText) {
    this.#source = source;
  }

  error(span: Span, message: string): void {
    keep(this.#errors, { span, message });
  }

  warning(span: Span, message: string): void {
    keep(this.#warnings, { span, message });
  }

  /** Whether further errors would be dropped, so that looking for more is in vain. */
  get full(): boolean {
    return this.#errors.size >= limits.schemaErrorsMax;
  }

  get hasErrors(): boolean {
    return this.#errors.size > 0;
  }

  /** All of them, in the order of the text. */
  list(): SchemaDiagnostic[] {
    const all = [
      ...[...this.#errors.values()].map((finding) => ({ ...finding, severity: "error" as const })),
      ...[...this.#warnings.values()].map((finding) => ({ ...finding, severity: "warning" as const })),
    ];
    return all
      .sort((a, b) => a.span.start - b.span.start)
      .map(({ span, message, severity }) => ({
        severity,
        ...this.#source.locate(span.start),
        length: span.end - span.start,
        message,
        excerpt: this.#source.excerpt(span),
      }));
  }
}

interface Finding {
  readonly span: Span;
  readonly message: string;
}

function keep(into: Map<string, Finding>, finding: Finding): void {
  const key = `${finding.span.start}:${finding.span.end}`;
  if (into.size < limits.schemaErrorsMax && !into.has(key)) into.set(key, finding);
}

/**
 * The errors among the diagnostics as one error; undefined when there are none. Details: `errors`, the
 * list as JSON; `line` and `column` of the first.
 */
export function schemaError(diagnostics: readonly SchemaDiagnostic[]): UsherError | undefined {
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  const [first] = errors;
  if (first === undefined) return undefined;
  const more = errors.length === limits.schemaErrorsMax ? " or more" : "";
  const count = errors.length === 1 ? "an error" : `${errors.length} errors${more}`;
  const reports = errors.map((error) => `line ${error.line}, column ${error.column}: ${error.message}\n${error.excerpt}`);
  return new UsherError("invalid_schema", `schema has ${count}\n${reports.join("\n")}`, {
    details: { errors: JSON.stringify(errors), line: String(first.line), column: String(first.column) },
  });
}
