/**
 * Which cards of a long list stand in the document. A card out of sight makes room for a gap of the height it had, so
 * that ten thousand problems cost no more elements than sixty; the one with the focus stays, with both
 * its neighbours, wherever it is.
 */

export interface Stretch {
  /** Cards from here on… */
  from: number;
  /** …up to this one, without it. */
  to: number;
  /** Pixels of the gap that stands for them; absent where they are drawn. */
  gap?: number;
}

/** Cards from the first to the second, without it. */
export type Range = [from: number, to: number];

/** Cards that a frame adds or takes away at either end: as many as a slow phone draws in it. */
const STEP = 2;
/** Pixels that a card counts for until it is measured: more than it will have, so that few of them come at once. */
const UNKNOWN = 1000;

/** The cards of `count` that touch the pixels from `top` to `bottom`, counted from the list's own top. */
export function visible(heights: number[], count: number, top: number, bottom: number): Range {
  let at = 0;
  let from = 0;
  while (from < heights.length - 1 && at + heights[from]! < top) at += heights[from++]!;
  let to = from;
  while (to < count && (to === from || at < bottom)) at += heights[to++] || UNKNOWN;
  return [from, Math.max(to, from + 1)];
}

/**
 * One step from the range `before` to the range `wanted`: at either end two cards more or less, and at once whatever is
 * on the screen. So a place that jumps has its cards in one frame, and those around it one after another.
 */
export function step(before: Range, wanted: Range, screen: Range): Range {
  const apart = before[0] > screen[1] || before[1] < screen[0];
  const [from, to] = apart ? screen : before;
  return [
    Math.min(screen[0], Math.max(from - STEP, Math.min(from + STEP, wanted[0]))),
    Math.max(screen[1], Math.min(to + STEP, Math.max(to - STEP, wanted[1])))
  ];
}

/**
 * The cards in order, drawn or as gaps, up to the first beyond the range that was never measured: that one is drawn,
 * and what follows waits for its height. So what comes while one scrolls is drawn bit by bit, and no task of a slow
 * phone draws all of it.
 */
export function stretches(heights: number[], count: number, [from, to]: Range, focused = -9): Stretch[] {
  const made: Stretch[] = [];
  for (let card = 0; card < count; card++) {
    const drawn = !heights[card] || Math.abs(card - focused) < 2 || (card >= from && card < to);
    const last = made[made.length - 1];
    if (last && (last.gap === undefined) === drawn) {
      last.to++;
      if (!drawn) last.gap! += heights[card]!;
    } else made.push({ from: card, to: card + 1, ...(drawn ? {} : { gap: heights[card]! }) });
    if (!heights[card] && card + 1 >= to) break;
  }
  return made;
}
