/** Whether asking the device for its place can succeed at all. */

/** Plain http hosts have no geolocation, others may forbid it by Permissions-Policy: the button would only fail. */
export function locatable(): boolean {
  // Chromium alone tells what is allowed, under its older name.
  const policy = (document as Document & { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy;
  return isSecureContext && (!policy || policy.allowsFeature("geolocation"));
}
