/** What one evaluation took. */
export interface EvaluationCost {
  /** How many times its open walks ran from the top. */
  readonly passes: number;
  /** Keys and lists that were loaded from the store; 0: memory had them all. */
  readonly reads: number;
}

/** Hears what evaluations cost, for figures. It must be quick, and must not throw. */
export interface EvaluationObserver {
  onEvaluation(cost: EvaluationCost): void;
}

export const unobservedEvaluation: EvaluationObserver = { onEvaluation: () => undefined };
