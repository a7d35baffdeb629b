/** What an option of a command says. @throws where it is no whole number */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`--${option} is \`${text}\`: it must be a whole number`);
  return value;
}
