/** Bars begin at zero, and the longest fills its line: lengths compare as the numbers do. */

export const longest = (values: number[]): number => Math.max(1, ...values);

/** Per cent of the line; what is not nothing can be seen. */
export const share = (value: number, most: number): number =>
  value && Math.max(0.5, Math.round((value / most) * 1000) / 10);
