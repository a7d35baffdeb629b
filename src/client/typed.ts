import type { CallAttribution } from "../model/attribution.js";
import type { ObjectRef } from "../model/object.js";
import type {
  BatchCheckResponse, Consistency, Decision, ExpandResponse, LookupCount, LookupObjectsResponse, LookupPermissionsResponse, LookupSubjectsResponse, Operation,
} from "../model/service.js";
import type { SubjectRef } from "../model/subject.js";
import type { Tuple } from "../model/tuple.js";
import { create, remove, touch } from "./references.js";
import type { FoundSubject, LookupObjectsOptions, LookupPermissionsOptions, LookupSubjectsOptions } from "./lookups.js";
import type { CheckItem, CheckOptions, ExpandOptions, Usher } from "./usher.js";

/**
 * What `usher schema types` prints of a schema:
 *
 *     export type Schema = {
 *       readonly objects: {
 *         readonly "user": { readonly relations: {}; readonly permissions: {} };
 *         readonly "team": { readonly relations: { readonly "member": "user" | "team#member" }; readonly permissions: {} };
 *         readonly "node": { readonly relations: { readonly "operator": "team#member" }; readonly permissions: { readonly "restart": true } };
 *       };
 *       readonly context: { readonly "hour"?: number | string };
 *     };
 */
export interface SchemaTypes {
  /** By type: its relations with the subjects that they allow (`user`, `team#member`, `user:*`), and its permissions. */
  readonly objects: Readonly<Record<string, { readonly relations: Readonly<Record<string, string>>; readonly permissions: Readonly<Record<string, true>> }>>;
  /** What its conditions read. */
  readonly context: object;
}

type TypeName<S extends SchemaTypes> = keyof S["objects"] & string;

type RelationName<S extends SchemaTypes, Type extends TypeName<S>> = keyof S["objects"][Type]["relations"] & string;

/** A relation or permission of the type; of several types, one that each of them has. */
export type MemberName<S extends SchemaTypes, Type extends TypeName<S>> = RelationName<S, Type> | (keyof S["objects"][Type]["permissions"] & string);

/** The type of an argument, where it is what it must be; else that, so that the compiler says what it must be. */
type Held<Given, Expected> = Given extends Expected ? Given : Expected;

type ObjectText<S extends SchemaTypes> = `${TypeName<S>}:${string}`;

/** `"node:n1"`, or `object("node", id)`. */
export type TypedObject<S extends SchemaTypes> = ObjectText<S> | ObjectRef<TypeName<S>>;

/** The type of an object, as far as the compiler knows it. */
type TypeIn<S extends SchemaTypes, Reference> = (Reference extends ObjectRef<infer Type> ? Type : Reference extends `${infer Type}:${string}` ? Type : never) & TypeName<S>;

type UsersetText<S extends SchemaTypes> = { [Type in TypeName<S>]: `${Type}:${string}#${MemberName<S, Type>}` }[TypeName<S>];

/** An object as a subject, as far as it has no relation. */
type PlainSubject<Type extends string> = ObjectRef<Type> & { readonly relation?: "" };

type StructuredSubject<S extends SchemaTypes> = PlainSubject<TypeName<S>> | { [Type in TypeName<S>]: SubjectRef<Type, MemberName<S, Type>> }[TypeName<S>];

/** What a subject must be, seeing that it is a text with a relation, a text without, or structured. */
export type TypedSubject<S extends SchemaTypes, Reference> =
  Reference extends string ? (Reference extends `${string}#${string}` ? UsersetText<S> : ObjectText<S>) : StructuredSubject<S>;

export type TypedCheckOptions<S extends SchemaTypes> = Omit<CheckOptions, "context"> & { readonly context?: S["context"] };

/** One question of a batch. */
export type TypedCheckItem<S extends SchemaTypes> = Omit<CheckItem, "object" | "permission" | "subject" | "context"> & { readonly context?: S["context"] } & {
    [Type in TypeName<S>]: { readonly object: `${Type}:${string}` | ObjectRef<Type>; readonly permission: MemberName<S, Type> };
  }[TypeName<S>] & { readonly subject: ObjectText<S> | StructuredSubject<S> };

/**
 * A database as the programs of one schema see it: a misspelt type, relation, permission or context field does not
 * compile. Text references are for literals here too, and the compiler says so: a text of type `string` is refused.
 */
export interface TypedUsher<S extends SchemaTypes> extends Omit<Usher, "withTenant" | "as" | "check" | "can" | "batchCheck" | "expand" | TypedLookup> {
  withTenant(name: string): TypedUsher<S>;

  as(attribution: CallAttribution): TypedUsher<S>;

  check<const Of extends TypedObject<S>, const By extends string | StructuredSubject<S>>(
    object: Of,
    permission: MemberName<S, TypeIn<S, Of>>,
    subject: Held<By, TypedSubject<S, By>>,
    options?: TypedCheckOptions<S>,
  ): Promise<Decision>;

  can<const Of extends TypedObject<S>, const By extends string | StructuredSubject<S>>(
    object: Of,
    permission: MemberName<S, TypeIn<S, Of>>,
    subject: Held<By, TypedSubject<S, By>>,
    options?: TypedCheckOptions<S>,
  ): Promise<boolean>;

  batchCheck(items: readonly TypedCheckItem<S>[], options?: { readonly consistency?: Consistency; readonly signal?: AbortSignal }): Promise<BatchCheckResponse>;

  expand<const Of extends TypedObject<S>>(object: Of, permission: MemberName<S, TypeIn<S, Of>>, options?: ExpandOptions): Promise<ExpandResponse>;

  lookupObjects<const Type extends TypeName<S>, const By extends string | StructuredSubject<S>>(...asked: ObjectsAsked<S, Type, By>): AsyncGenerator<ObjectRef<Type>, void>;

  lookupObjectsPage<const Type extends TypeName<S>, const By extends string | StructuredSubject<S>>(...asked: ObjectsAsked<S, Type, By, Paged>): Promise<LookupObjectsResponse>;

  countObjects<const Type extends TypeName<S>, const By extends string | StructuredSubject<S>>(...asked: ObjectsAsked<S, Type, By>): Promise<LookupCount>;

  lookupSubjects<const Of extends TypedObject<S>>(...asked: SubjectsAsked<S, Of>): AsyncGenerator<FoundSubject, void>;

  lookupSubjectsPage<const Of extends TypedObject<S>>(...asked: SubjectsAsked<S, Of, Paged>): Promise<LookupSubjectsResponse>;

  countSubjects<const Of extends TypedObject<S>>(...asked: SubjectsAsked<S, Of>): Promise<LookupCount>;

  lookupPermissions<const By extends string | StructuredSubject<S>>(
    object: TypedObject<S>,
    subject: Held<By, TypedSubject<S, By>>,
    options?: WithContext<S, LookupPermissionsOptions>,
  ): Promise<LookupPermissionsResponse>;
}

type TypedLookup = "lookupObjects" | "lookupObjectsPage" | "countObjects" | "lookupSubjects" | "lookupSubjectsPage" | "countSubjects" | "lookupPermissions";

type WithContext<S extends SchemaTypes, Options> = Omit<Options, "context"> & { readonly context?: S["context"] };

interface Paged {
  readonly cursor?: string;
}

/** The arguments of a lookup of objects. */
type ObjectsAsked<S extends SchemaTypes, Type extends TypeName<S>, By, Further = unknown> = [
  type: Type,
  permission: MemberName<S, Type>,
  subject: Held<By, TypedSubject<S, By>>,
  options?: WithContext<S, LookupObjectsOptions> & Further,
];

/** Kinds of subjects: `user`, `team#member`. */
type SubjectKind<S extends SchemaTypes> = TypeName<S> | { [Type in TypeName<S>]: `${Type}#${MemberName<S, Type>}` }[TypeName<S>];

/** The arguments of a lookup of subjects. */
type SubjectsAsked<S extends SchemaTypes, Of extends TypedObject<S>, Further = unknown> = [
  object: Of,
  permission: MemberName<S, TypeIn<S, Of>>,
  kind: SubjectKind<S>,
  options?: WithContext<S, LookupSubjectsOptions> & Further,
];

/** The same database, which now holds its callers to a schema's types: `typed<Schema>(await open("./data"))`. It costs nothing: only the compiler sees it. */
export function typed<S extends SchemaTypes>(usher: Usher): TypedUsher<S> {
  return usher as TypedUsher<S>;
}

type UsersetOf<Alternative> = Alternative extends `${infer Type}#${infer Relation}` ? `${Type}:${string}#${Relation}` | `${Type}:${string}#${Relation}[${string}` : never;

type WildcardOf<Alternative> = Alternative extends `${string}:*` ? Alternative | `${Alternative}[${string}` : never;

type ObjectOf<Alternative> = Alternative extends `${string}#${string}` | `${string}:*` ? never : Alternative extends string ? `${Alternative}:${string}` : never;

type WithoutTraits<Text> = Text extends `${infer Subject}[${string}` ? Subject : Text;

/** Which texts of subjects an alternative allows, seeing which kind of subject the text is. */
type SubjectText<Text, Alternative> =
  WithoutTraits<Text> extends `${string}#${string}` ? UsersetOf<Alternative> : WithoutTraits<Text> extends `${string}:*` ? WildcardOf<Alternative> : ObjectOf<Alternative>;

type TupleText<S extends SchemaTypes, Text> =
  Text extends `${infer Type extends TypeName<S>}:${string}#${infer Rest}`
    ? Rest extends `${infer Relation extends RelationName<S, Type>}@${infer Subject}`
      ? `${Type}:${string}#${Relation}@${SubjectText<Subject, S["objects"][Type]["relations"][Relation]>}`
      : `${Type}:${string}#${RelationName<S, Type>}@${string}`
    : `${ObjectText<S>}#${string}@${string}`;

type StructuredAlternative<Alternative> = Alternative extends `${infer Type}#${infer Relation}`
  ? SubjectRef<Type, Relation>
  : Alternative extends `${infer Type}:*`
    ? SubjectRef<Type, "">
    : Alternative extends string
      ? SubjectRef<Alternative, "">
      : never;

type StructuredTuple<S extends SchemaTypes> = Omit<Tuple, "object" | "relation" | "subject"> &
  {
    [Type in TypeName<S>]: {
      [Relation in RelationName<S, Type>]: {
        readonly object: ObjectRef<Type>;
        readonly relation: Relation;
        readonly subject: StructuredAlternative<S["objects"][Type]["relations"][Relation]>;
      };
    }[RelationName<S, Type>];
  }[TypeName<S>];

/** What a tuple must be, seeing that it is a text or structured. */
export type TypedTuple<S extends SchemaTypes, Reference> = Reference extends string ? TupleText<S, Reference> : StructuredTuple<S>;

/** `create`, `touch` and `remove`, held to a schema's types. */
export interface TypedOperations<S extends SchemaTypes> {
  readonly create: <const Of extends string | StructuredTuple<S>>(tuple: Held<Of, TypedTuple<S, Of>>) => Operation;
  readonly touch: <const Of extends string | StructuredTuple<S>>(tuple: Held<Of, TypedTuple<S, Of>>) => Operation;
  readonly remove: <const Of extends string | StructuredTuple<S>>(tuple: Held<Of, TypedTuple<S, Of>>) => Operation;
}

const operations = Object.freeze({ create, touch, remove });

/** `const { touch, remove } = typedOperations<Schema>()`: the functions of the same names, which now refuse to compile what the schema does not allow. */
export function typedOperations<S extends SchemaTypes>(): TypedOperations<S> {
  return operations as TypedOperations<S>;
}
