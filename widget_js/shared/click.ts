/** Links of the widget open what they lead to inside it, unless the browser is asked for a tab, a window or a file. */

/** A press that the widget answers itself; with a modifier or another button it is the browser's own. */
export const isOwnClick = (event: MouseEvent): boolean =>
  !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
