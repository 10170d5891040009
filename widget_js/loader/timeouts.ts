/** How long an answer is waited for, in milliseconds: whoever waits for ever is told nothing. */

/** For what is only read; a phone on a slow network gets its list in less. */
export const READING = 15_000;
/** For what is sent: asked too early, it may have arrived. */
export const SENDING = 45_000;

/** Rejects where `work` takes longer than READING; no timer stays behind. */
export const expire = <T>(work: Promise<T>): Promise<T> => {
  let timer: ReturnType<typeof setTimeout>;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, READING, Error("timeout"));
  });
  return Promise.race([work, end]).finally(() => clearTimeout(timer));
};
