/** The device's place. */

/** Plain http hosts have no geolocation, others may forbid it by Permissions-Policy: the button would only fail. */
export function locatable(): boolean {
  // Chromium alone tells what is allowed, under its older name.
  const policy = (document as Document & { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  return isSecureContext && (!policy || policy.allowsFeature("geolocation"));
}

/**
 * Asks the device for its place. Never settles once `signal` is aborted: the person has gone on, and nothing may change
 * under their hands. Rejects with a GeolocationPositionError.
 */
export const getPosition = (signal: AbortSignal, options: PositionOptions): Promise<GeolocationPosition> =>
  new Promise((resolve, reject) =>
    navigator.geolocation.getCurrentPosition(
      position => signal.aborted || resolve(position),
      error => signal.aborted || reject(error),
      { timeout: 15_000, ...options }
    )
  );
