/** Where a problem is, on a small map, whose chunk is loaded once its place in the page is seen. */

import type { ComponentType } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Location } from "../shared/contract.ts";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";

/** What one problem takes of the map's chunk. */
export interface PlaceMapChunk {
  PlaceMap: ComponentType<{
    place: Location;
    /** In words, for those who do not see the map. */
    address: string | null;
  }>;
}

/** Without the chunk nothing is missing but a picture: the address is told in words. */
export function Where({ place, address }: { place: Location; address: string | null }) {
  const {
    language: { lang }
  } = useSite();
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  const { chunk, failed } = useLazy<PlaceMapChunk>("map", seen);
  useLayoutEffect(() => {
    const sight = new IntersectionObserver(
      entries => entries.some(({ isIntersecting }) => isIntersecting) && setSeen(true)
    );
    sight.observe(box.current!);
    return () => sight.disconnect();
  }, []);
  return (
    <div class="where" ref={box} hidden={failed}>
      {chunk ? (
        <chunk.PlaceMap key={`${lang} ${place.lat} ${place.lng}`} place={place} address={address} />
      ) : (
        <div class="skeleton" />
      )}
    </div>
  );
}
