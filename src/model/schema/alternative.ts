import type { AllowedSubject } from "./schema.js";
import type { SubjectSyntax } from "./syntax.js";

/** One alternative of a relation's type, from its syntax. */
export function allowedSubject(syntax: SubjectSyntax): AllowedSubject {
  const { type, relation, wildcard, condition, expiration } = syntax;
  const subject = { type: type.text, relation: relation?.text ?? "", wildcard, expiration };
  return Object.freeze(condition === undefined ? subject : { ...subject, condition: condition.text });
}

/** As the language writes it: `user`, `group#member`, `user:* with office_hours and expiration`. */
export function formatAllowedSubject(subject: AllowedSubject): string {
  const relation = subject.relation === "" ? "" : `#${subject.relation}`;
  const requirements = [subject.condition, subject.expiration ? "expiration" : undefined].filter((part) => part !== undefined);
  const required = requirements.length === 0 ? "" : ` with ${requirements.join(" and ")}`;
  return `${subject.type}${subject.wildcard ? ":*" : relation}${required}`;
}
