/** Which markets the three charts show: the large one first, then the two small ones. */

export type Slots = readonly (string | null)[];

const SLOTS = 3;

/**
 * The slots after the watchlist (`ids`, in its order) or the choice (`select`) changed. What is
 * shown stays where it is; a chosen market that is in a small chart changes places with the large
 * one; empty places are filled with the markets that follow the large one in the watchlist.
 */
export function arrange(slots: Slots, ids: readonly string[], select: string | null = null): Slots {
  const known = new Set(ids);
  const next: (string | null)[] = Array.from({ length: SLOTS }, (_, i) => {
    const id = slots[i];
    return typeof id === 'string' && known.has(id) ? id : null;
  });
  if (select !== null && known.has(select)) {
    const at = next.indexOf(select);
    if (at > 0) next[at] = next[0] ?? null;
    next[0] = select;
  }
  next[0] ??= ids.find((id) => !next.includes(id)) ?? next.find((id) => id !== null) ?? null;
  for (let i = 1; i < SLOTS; i++) if (next[i] === next[0]) next[i] = null;
  const main = next[0];
  const start = main === null ? 0 : ids.indexOf(main) + 1;
  const following = [...ids.slice(start), ...ids.slice(0, start)];
  for (let i = 1; i < SLOTS; i++) next[i] ??= following.find((id) => !next.includes(id)) ?? null;
  return next;
}
