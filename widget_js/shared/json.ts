/** Writes values as JSON on pages whose scripts have their own idea of it. */

/**
 * Prototype up to 1.7 and its like give arrays, strings and numbers a `toJSON` that returns JSON already; written once
 * more, every value would stand in quotes. The replacer is called after it and puts the value itself back.
 */
export const json = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, name) {
    return this[name];
  });
