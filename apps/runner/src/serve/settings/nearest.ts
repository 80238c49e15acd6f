/** Further apart, two words are two words and no slip. */
const maxEdits = 2;

/** The candidate that somebody may have meant by this word, or null. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plain = (name: string): string => name.replaceAll(/[-_]/g, '').toLowerCase();
  let best: string | null = null;
  let fewest = maxEdits + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(plain(word), plain(candidate));
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Letters to put in, take out or change (Levenshtein). */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
