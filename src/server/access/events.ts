/** Why a call was let in or refused at the door; for operators, never told to the caller in this detail. */
export type AuthenticationReason =
  /** Let in: by a key, by a certificate, or because the server asks for neither. */
  | "key"
  | "certificate"
  | "open"
  /** Refused. */
  | "missing"
  | "malformed"
  | "unknown_key"
  | "wrong_secret"
  | "expired"
  | "unknown_certificate";

export interface AuthenticationEvent {
  readonly outcome: "accepted" | "refused";
  readonly reason: AuthenticationReason;
  /** The address it came from, without a port. It is for logs: as a label of a metric it has no bound. */
  readonly peer: string;
}

/** Told of what happens at the door, synchronously: so it must be quick, and must not throw. */
export interface AccessEvents {
  onAuthentication(event: AuthenticationEvent): void;
}
