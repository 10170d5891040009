/**
 * Which pages of a long list stand in the document. A page out of sight makes room for a gap of the height it had, so
 * that ten thousand problems cost no more elements than sixty; the one with the focus stays, with both
 * its neighbours, wherever it is.
 */

export interface Stretch {
  /** Pages from here on… */
  from: number;
  /** …up to this one, without it. */
  to: number;
  /** Pixels of the gap that stands for them; absent where they are drawn. */
  gap?: number;
}

/** Pages from the first to the second, without it. */
export type Range = [from: number, to: number];

/**
 * The pages of `count` that touch the pixels from `top` to `bottom`, counted from the list's own top. Nothing is known
 * of what follows the first page that was never measured.
 */
export function visible(heights: number[], count: number, top: number, bottom: number): Range {
  let at = 0;
  let from = 0;
  while (from < heights.length - 1 && at + heights[from]! < top) at += heights[from++]!;
  let to = from;
  while (to < count && (to === from || at < bottom)) at += heights[to++] || Infinity;
  return [from, Math.max(to, from + 1)];
}

/**
 * One step from the range `before` to the range `wanted`: at either end a page more or less, and at once whatever is on
 * the screen. So a place that jumps has its cards in one frame, and those around it one after another.
 */
export function step(before: Range, wanted: Range, screen: Range): Range {
  const apart = before[0] > screen[1] || before[1] < screen[0];
  const [from, to] = apart ? screen : before;
  return [
    Math.min(screen[0], Math.max(from - 1, Math.min(from + 1, wanted[0]))),
    Math.max(screen[1], Math.min(to + 1, Math.max(to - 1, wanted[1])))
  ];
}

/**
 * The pages in order, drawn or as gaps, up to the first beyond the range that was never measured: that one is drawn,
 * and what follows waits for its height. So what comes while one scrolls is drawn in slices, and no task of a slow
 * phone draws all of it.
 */
export function stretches(heights: number[], count: number, [from, to]: Range, kept = -9): Stretch[] {
  const made: Stretch[] = [];
  for (let page = 0; page < count; page++) {
    const drawn = !heights[page] || Math.abs(page - kept) < 2 || (page >= from && page < to);
    const last = made[made.length - 1];
    if (last && (last.gap === undefined) === drawn) {
      last.to++;
      if (!drawn) last.gap! += heights[page]!;
    } else made.push({ from: page, to: page + 1, ...(drawn ? {} : { gap: heights[page]! }) });
    if (!heights[page] && page + 1 >= to) break;
  }
  return made;
}
