const unitBytes: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `512MiB`, `1GB`, `268435456` as bytes; undefined: it is none. */
export function sizeBytes(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,15})(KB|MB|GB|KiB|MiB|GiB)?$/.exec(text) ?? [];
  const bytes = Number(number) * (unitBytes[unit] ?? Number.NaN);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
