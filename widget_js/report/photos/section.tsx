/** The section of the form: what was added, and how to add more. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { SectionProps } from "../section.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { useSite } from "../../shared/site.ts";
import { attachments } from "./attachments.tsx";
import { addAnother, List } from "./list.tsx";
import { Picks } from "./pick.tsx";

/** Ways for a desk: files dropped anywhere on the widget, a picture pasted. */
const TRANSFERS = ["paste", "dragover", "drop"];

/** `held`: the focus was on the button that this takes the place of. */
export function Photos({ held, ...props }: SectionProps & { held: boolean }) {
  const site = useSite();
  const {
    config: { limits },
    host,
    language: { t }
  } = site;
  const photos = attachments(site, props);
  const [, draw] = useState({});
  useLayoutEffect(() => photos.follow(() => draw({})), [photos]);
  useLayoutEffect(() => {
    if (held) addAnother(host);
  }, []);
  useLayoutEffect(() => {
    const root = host.shadowRoot!;
    const take = (event: Event) => {
      const { dataTransfer, clipboardData } = event as DragEvent & ClipboardEvent;
      const { files, types } = (dataTransfer || clipboardData)!;
      if (types.includes("Files")) event.preventDefault();
      if (event.type !== "dragover" && files.length) photos.add([...files]);
    };
    TRANSFERS.forEach(kind => root.addEventListener(kind, take));
    return () => TRANSFERS.forEach(kind => root.removeEventListener(kind, take));
  }, [photos]);
  const { queue, left } = photos;
  const full = queue.photos.length >= limits.photos;
  return (
    <>
      <List photos={photos} full={full} />
      {left > 0 && (
        <p class="error" role="alert">
          <Icon name="alert" />
          {t("photo_limit", { n: limits.photos })}
        </p>
      )}
      {!full && <Picks bad={!!props.errors.photos} take={files => photos.add(files)} />}
      {queue.volatile && <p class="hint">{t("photo_volatile")}</p>}
    </>
  );
}
