/**
 * Chunks as those that load them expect them. Features import no other feature, not even its types: each declares what
 * it needs of a chunk. Here, where all may be imported, TypeScript refuses a chunk that does not fit.
 */

import type { CollectionChunk } from "../browse/collected.tsx";
import type { MapChunk } from "../browse/mapPanel.tsx";
import type { ProblemChunk } from "../browse/opened.tsx";
import type { DiscussionChunk } from "../collection/act.tsx";
import type { PlaceMapChunk } from "../problem/where.tsx";
import type { PickerChunk } from "../report/place.tsx";

type Fits<Expected, Actual extends Expected> = [Expected, Actual];

export type Chunks = [
  Fits<CollectionChunk, typeof import("../collection/entry.ts")>,
  Fits<DiscussionChunk, typeof import("../problem/discussion/entry.ts")>,
  Fits<MapChunk & PickerChunk & PlaceMapChunk, typeof import("../map/entry.ts")>,
  Fits<ProblemChunk, typeof import("../problem/entry.ts")>
];
