import type { AuthorizationModel } from "./model.js";
import { nativeName } from "./names.js";

/** A name of a model that the native schema has otherwise. */
export interface Renamed {
  readonly name: string;
  readonly native: string;
}

/** In the order of the model, each once. */
export function renamedIn({ type_definitions: types, conditions }: AuthorizationModel): Renamed[] {
  const names = [
    ...types.flatMap(({ type, relations }) => [type, ...Object.keys(relations ?? {})]),
    ...Object.values(conditions ?? {}).flatMap(({ name, parameters }) => [name, ...Object.keys(parameters ?? {})]),
  ];
  return [...new Set(names)].map((name) => ({ name, native: nativeName(name) })).filter(({ name, native }) => name !== native);
}
