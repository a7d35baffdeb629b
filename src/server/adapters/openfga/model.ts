import { z } from "zod";

import { UsherError } from "../../../base/errors.js";

/** A userset rewrite as OpenFGA's JSON has it. */
export type Userset =
  | { readonly this: object }
  | { readonly computedUserset: { readonly relation: string } }
  | { readonly tupleToUserset: { readonly tupleset: { readonly relation: string }; readonly computedUserset: { readonly relation: string } } }
  | { readonly union: { readonly child: readonly Userset[] } }
  | { readonly intersection: { readonly child: readonly Userset[] } }
  | { readonly difference: { readonly base: Userset; readonly subtract: Userset } };

const named = z.object({ relation: z.string() });

const userset: z.ZodType<Userset> = z.lazy(() =>
  z.union([
    z.object({ computedUserset: named }),
    z.object({ tupleToUserset: z.object({ tupleset: named, computedUserset: named }) }),
    z.object({ union: z.object({ child: z.array(userset).min(1) }) }),
    z.object({ intersection: z.object({ child: z.array(userset).min(1) }) }),
    z.object({ difference: z.object({ base: userset, subtract: userset }) }),
    z.object({ this: z.object({}) }),
  ]),
);

const restriction = z.object({ type: z.string().min(1), relation: z.string().optional(), wildcard: z.object({}).nullish(), condition: z.string().optional() });

export interface ParameterType {
  readonly type_name: string;
  readonly generic_types?: readonly ParameterType[] | undefined;
}

const parameterType: z.ZodType<ParameterType> = z.lazy(() => z.object({ type_name: z.string(), generic_types: z.array(parameterType).optional() }));

const condition = z.object({ name: z.string(), expression: z.string(), parameters: z.record(z.string(), parameterType).optional(), metadata: z.unknown().optional() });

const relationMetadata = z.looseObject({ directly_related_user_types: z.array(restriction).nullish() });
const typeMetadata = z.looseObject({ relations: z.record(z.string(), relationMetadata).nullish() });
const typeDefinition = z.object({ type: z.string().min(1), relations: z.record(z.string(), userset).nullish(), metadata: typeMetadata.nullish() });

const authorizationModel = z.object({
  schema_version: z.enum(["1.1", "1.2"], "must be `1.1` or `1.2`"),
  type_definitions: z.array(typeDefinition).min(1, "must have a type"),
  conditions: z.record(z.string(), condition).nullish(),
});

/** An authorization model, without its id. */
export type AuthorizationModel = z.output<typeof authorizationModel>;
export type Condition = z.output<typeof condition>;
export type TypeDefinition = z.output<typeof typeDefinition>;
/** What a relation may be assigned to: `user`, `user:*`, `group#member`, each maybe with a condition. */
export type Restriction = z.output<typeof restriction>;

/** A model that somebody sent, as far as its form goes; what it means the conversion says. @throws `invalid_schema` */
export function readModel(sent: unknown): AuthorizationModel {
  const parsed = authorizationModel.safeParse(sent);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UsherError("invalid_schema", `the authorization model is wrong at \`${issue?.path.join(".") ?? ""}\`: ${issue?.message ?? ""}`);
}

export function restrictionsOf(definition: TypeDefinition, relation: string): readonly Restriction[] {
  return definition.metadata?.relations?.[relation]?.directly_related_user_types ?? [];
}
