/** What was added to the section of the form, and why files were not. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { SectionProps } from "../section.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { useSite } from "../../shared/site.ts";
import type { Attachments } from "./attachments.ts";
import { Here } from "./here.tsx";
import { addAnother, List } from "./list.tsx";

/** Ways for a desk: files dropped anywhere on the widget, a picture pasted. */
const TRANSFERS = ["paste", "dragover", "drop"];

/** `hadFocus`: the focus was in what this takes the place of, in another language. */
export function Photos({ hadFocus, ...props }: SectionProps & { hadFocus: boolean }) {
  const {
    config: { limits },
    host,
    language: { t }
  } = useSite();
  const photos = props.report.photos as Attachments;
  const [, draw] = useState({});
  useLayoutEffect(() => photos.follow(() => draw({})), [photos]);
  useLayoutEffect(() => {
    if (hadFocus) addAnother(host);
  }, []);
  useLayoutEffect(() => {
    const root = host.shadowRoot!;
    const take = (event: Event) => {
      const { dataTransfer, clipboardData } = event as DragEvent & ClipboardEvent;
      const { files, types } = (dataTransfer || clipboardData)!;
      if (types.includes("Files")) event.preventDefault();
      if (event.type !== "dragover" && files.length) props.report.addFiles([...files]);
    };
    TRANSFERS.forEach(kind => root.addEventListener(kind, take));
    return () => TRANSFERS.forEach(kind => root.removeEventListener(kind, take));
  }, [photos]);
  const { queue } = photos;
  const { left, refused } = queue;
  /** Why files of the last choice were not taken. */
  const untaken = refused.map(({ name, reason }) => (name ? `${name}: ${reason}` : reason));
  if (left) untaken.push(t("photo_limit", { n: limits.photos }));
  const full = queue.photos.length >= limits.photos;
  return (
    <>
      <List photos={photos} full={full} />
      {untaken.length > 0 && (
        <div role="alert">
          {untaken.map((text, index) => (
            <p class="error" key={index + text}>
              <Icon name="alert" />
              <span>{text}</span>
            </p>
          ))}
        </div>
      )}
      {queue.volatile && <p class="hint">{t("photo_volatile")}</p>}
      <Here {...props} photos={photos} />
    </>
  );
}
