/** How long an answer is waited for, in seconds: whoever waits for ever is told nothing. */

/** For what is only read; a phone on a slow network gets its list in less. */
export const READING = 15;
/** For what is sent: asked too early, it may have arrived. */
export const SENDING = 45;
