/** A CEL value could not be made or an operation on it is undefined: the evaluation errs, it does not crash. */
export class CelValueError extends Error {
  override readonly name = "CelValueError";
}
