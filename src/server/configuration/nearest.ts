/** The word that a misspelt one was probably meant to be; undefined: none is near. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  // Further away than a third of its letters, it is another word.
  let distanceMax = Math.ceil(word.length / 3);
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance > distanceMax) continue;
    best = candidate;
    distanceMax = distance - 1;
  }
  return best;
}

/** Levenshtein's: how many letters must be put in, taken out or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
