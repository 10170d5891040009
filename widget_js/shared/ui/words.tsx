/**
 * A text that changes in place. A translator of the browser takes the text nodes of the page away and puts its own in:
 * a change of the node that is gone would be seen by nobody, so a changed text comes in an element of its own.
 */
export const Words = ({ children }: { children: string | null | undefined | false }) =>
  children ? <span key={children}>{children}</span> : null;
