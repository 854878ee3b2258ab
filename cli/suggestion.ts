/** How many letters must be inserted, removed or changed to make one word of the other (Levenshtein). */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const changed = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(changed, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/** The known word that was probably meant. Words of one or two letters are all near each other, so none is offered. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const allowed = Math.min(2, Math.floor(word.length / 2));
  const candidates = known
    .filter((candidate) => candidate.length > 2)
    .map((candidate) => ({ candidate, distance: startsLike(word, candidate) ? 0 : editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((one, other) => one.distance - other.distance);
  return candidates[0]?.candidate;
}

function startsLike(word: string, candidate: string): boolean {
  return word.length > 2 && candidate.startsWith(word);
}

/** `: did you mean ...?`, or nothing. */
export function didYouMean(word: string, known: readonly string[], spell = (candidate: string): string => candidate): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : `: did you mean "${spell(meant)}"?`;
}
