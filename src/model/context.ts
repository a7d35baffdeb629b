/** A value of a condition's context: JSON, as `google.protobuf.Struct` carries it. */
export type ContextValue = null | boolean | number | string | readonly ContextValue[] | { readonly [key: string]: ContextValue };

/** Named values that a condition reads: stored with a tuple, or brought by a request. */
export type Context = Readonly<Record<string, ContextValue>>;

export const emptyContext: Context = Object.freeze({});
