/** A small picture of a photo: from this device where the browser can draw it, else from the service. */

import { useLayoutEffect, useState } from "preact/hooks";
import { Icon } from "../../shared/ui/icon.tsx";
import type { Photo } from "./queue.ts";

export function Preview({ photo: { blob, state, thumb } }: { photo: Photo }) {
  const [url, setUrl] = useState("");
  const [broken, setBroken] = useState<Record<string, boolean>>({});
  // The original may be too large to be drawn beside being made small.
  const ready = state !== "preparing" && blob;
  useLayoutEffect(() => {
    if (!ready) return;
    const made = URL.createObjectURL(ready);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [ready]);
  const source = [url, thumb].find(one => one && !broken[one]);
  return (
    <div class="picture">
      {source ? (
        <img src={source} alt="" onError={() => setBroken({ ...broken, [source]: true })} />
      ) : (
        <Icon path="M4 5h16v14H4zM4 16l4.5-4.5L14 17m-1.5-1.5l3-3L20 17M15 9v.01" />
      )}
    </div>
  );
}
