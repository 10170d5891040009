/** The one set of icons: drawn at 24 px, stroke 1.75, named for what they mean. */

const PATHS = {
  back: "M19 12H5m6-6l-6 6 6 6",
  close: "M6 6l12 12M18 6L6 18",
  place: "M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  alert: "M12 4L2.5 20h19zM12 10v4m0 3v.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 8v5m0-8.5v.01"
};

/** One of the set, or a `path` of the same kind: the icons of categories come with the configuration. */
export function Icon({ name, path }: { name?: keyof typeof PATHS; path?: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path || PATHS[name!]} />
    </svg>
  );
}
