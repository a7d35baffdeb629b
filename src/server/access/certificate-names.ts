/** What of a verified client certificate is read; Node's `PeerCertificate` has it. */
export interface ClientCertificate {
  readonly subject?: { readonly CN?: string | readonly string[] | undefined } | undefined;
  /** `DNS:billing.example, URI:spiffe://example/billing`; a name with a comma or a quote stands in JSON's quotes. */
  readonly subjectaltname?: string | undefined;
  readonly valid_to?: string | undefined;
}

/** A kind, and its value plain or in quotes. */
const alternative = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * The names by which a keys file may know the certificate, most telling first. What cannot be read exactly is no name:
 * a certificate must not pass for another through the way in which its names are printed.
 */
export function certificateNames({ subject, subjectaltname = "" }: ClientCertificate): string[] {
  const names: string[] = [];
  for (let at = 0; at < subjectaltname.length; at = alternative.lastIndex) {
    alternative.lastIndex = at;
    const match = alternative.exec(subjectaltname);
    if (match === null) return [];
    const [, kind = "", value = ""] = match;
    if (value !== "" && !value.startsWith('"')) names.push(`${kind}:${value}`);
  }
  const cn = subject?.CN;
  return typeof cn === "string" && cn !== "" ? [...names, `CN=${cn}`] : names;
}
