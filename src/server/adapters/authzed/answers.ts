/** What a conditional answer lacks. */
export interface PartialCaveatMessage {
  readonly missingRequiredContext: readonly string[];
}

/** `CheckPermissionResponse.Permissionship`; `CheckDebugTrace.Permissionship` has the same numbers. */
export const permissionships = { denied: 1, allowed: 2, conditional: 3 } as const;

/** `LookupPermissionship` */
export const lookupPermissionships = { allowed: 1, conditional: 2 } as const;
