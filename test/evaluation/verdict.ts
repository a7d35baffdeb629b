import type { Answer } from "../../src/evaluation/answer.js";
import type { Verdict } from "./oracle.js";

/** An answer as the oracle says it. */
export function verdictOf(answer: Answer | undefined): Verdict {
  switch (answer?.value) {
    case "allowed": return { value: "T" };
    case "denied": return { value: "F" };
    case "undecided": return { value: "U" };
    case "conditional": return { value: "C", missing: [...answer.missing] };
    default: throw new Error(`no answer: ${answer?.value}`);
  }
}
