import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue, toDraft, type World } from "../report/photos/queue.ts";
import type { Failure, Received } from "../report/photos/upload.ts";

const HOUR = 3_600_000;
const picture = (bytes = 100, type = "image/jpeg") => new Blob([new Uint8Array(bytes)], { type });
const failure = (status: number, code?: string, retryAfter?: number): Failure => ({
  status,
  body: code ? { code, detail: "said: " + code, ...(retryAfter ? { retry_after: retryAfter } : {}) } : {}
});
/** Everything that was promised so far has happened. */
const calm = () => new Promise(resolve => setTimeout(resolve, 1));

interface Upload {
  ticket: string | undefined;
  progress: (share: number) => void;
  signal: AbortSignal;
  answer: (answer: Received | Failure) => void;
}

/** A queue in a world of its own: uploads wait for an answer, pauses for `wake`. */
function made(changes: Partial<World> = {}) {
  const uploads: Upload[] = [],
    pauses: { seconds: number; wake: () => void; off: boolean }[] = [];
  let ids = 0;
  const stored = new Map<string, Blob>();
  const said = { now: HOUR, tickets: 0, dropped: 0, changes: 0, lasting: 0 };
  const queue = new Queue({
    limit: 3,
    id: () => "photo" + ids++,
    refusal: (photo, isSmall) =>
      !photo
        ? "not accepted"
        : photo.type === "application/pdf"
          ? "no picture"
          : isSmall && photo.size > 1000
            ? "too large"
            : undefined,
    take: () => Promise.resolve("ticket" + said.dropped),
    drop: () => said.dropped++,
    upload: (_, ticket, progress, signal) =>
      new Promise((resolve, reject) => {
        uploads.push({
          ticket,
          progress,
          signal,
          answer: answer => ("photo" in answer ? resolve(answer) : reject(answer))
        });
      }),
    isTaken: () => false,
    locate: () => Promise.resolve(undefined),
    shrink: photo => Promise.resolve(photo),
    store: {
      put: (id, photo) => Promise.resolve(stored.set(id, photo)),
      get: id => Promise.resolve(stored.get(id)),
      remove: id => Promise.resolve(stored.delete(id))
    },
    changed: lasting => {
      said.changes++;
      if (lasting) said.lasting++;
    },
    now: () => said.now,
    later: (seconds, wake) => {
      const pause = { seconds, wake, off: false };
      pauses.push(pause);
      return () => void (pause.off = true);
    },
    ...changes
  });
  const states = () => queue.photos.map(({ state }) => state);
  const add = async (...blobs: Blob[]) => {
    queue.add(blobs.length ? blobs : [picture()]);
    await calm();
    return queue.photos[queue.photos.length - 1]!;
  };
  const answer = async (index: number, with_: Received | Failure) => {
    uploads[index]!.answer(with_);
    await calm();
  };
  return { queue, uploads, pauses, stored, said, states, add, answer };
}
const received = (photo: string, location: Received["location"] = null): Received => ({
  photo,
  thumb: "https://w/" + photo,
  location
});

test("a photo is kept, uploaded at once, and tells how far it is", async () => {
  const { queue, uploads, stored, add, answer, states } = made();
  const photo = await add();
  assert.deepEqual(states(), ["sending"]);
  assert.equal(stored.size, 1);
  uploads[0]!.progress(0.5);
  assert.equal(photo.sent, 0.5);
  queue.describe(photo, "Яма");
  await answer(0, received("token", { lat: 55, lng: 38 }));
  assert.deepEqual(toDraft(queue.photos), [
    {
      id: photo.id,
      token: "token",
      alt: "Яма",
      uploadedAt: HOUR,
      thumb: "https://w/token",
      place: { lat: 55, lng: 38 }
    }
  ]);
});

test("the place that the device reads is known before the photo is there; the service's own goes first", async () => {
  const here = { lat: 55, lng: 38 };
  const located = async () => here;
  const { queue, said, states, add } = made({ locate: located, shrink: () => new Promise(() => {}) });
  await add();
  assert.deepEqual([states(), queue.photos[0]!.place, said.lasting], [["preparing"], here, 2]);
  const read = made({ locate: located });
  const places = async (location: Received["location"]) => {
    const photo = await read.add();
    await read.answer(read.uploads.length - 1, received("token", location));
    return photo.place;
  };
  assert.deepEqual(await places(null), here, "a service that reads none does not take it away");
  assert.deepEqual(await places({ lat: 1, lng: 2 }), { lat: 1, lng: 2 });
  const unreadable = made({ locate: () => Promise.reject(new Error("gone")) });
  await unreadable.add();
  assert.deepEqual(unreadable.states(), ["sending"]);
});

test("pictures are made small one after the other", async () => {
  let together = 0,
    most = 0;
  const { uploads, add } = made({
    shrink: async () => {
      most = Math.max(most, ++together);
      await calm();
      together--;
      return picture(50);
    }
  });
  await add(picture(), picture(), picture());
  for (let wait = 0; uploads.length < 3 && wait < 20; wait++) await calm();
  assert.equal(most, 1);
  assert.equal(uploads.length, 3);
});

test("what is too large or no picture takes no place; why is known until the next choice", async () => {
  const { queue, uploads, states, add, stored } = made();
  const named = new File([new Uint8Array(10)], "a.pdf", { type: "application/pdf" });
  await add(picture(1001), named, picture(10, "application/pdf"), picture(10, ""), picture());
  assert.deepEqual(states(), ["sending", "sending"]);
  assert.deepEqual(queue.refused, [
    { name: "a.pdf", reason: "no picture" },
    { name: undefined, reason: "no picture" },
    { name: undefined, reason: "too large" }
  ]);
  assert.deepEqual([uploads.length, stored.size, queue.left], [2, 2, 0]);
  await add(picture());
  assert.deepEqual([queue.refused, queue.photos.length], [[], 3]);
});

test("what a draft holds beyond the limit is left out, and its pictures are erased", async () => {
  const { queue, stored } = made();
  const photos = ["a", "b", "c", "d", "e"].map(id => ({ id, alt: "" }));
  photos.forEach(({ id }) => stored.set(id, picture()));
  queue.restore(photos);
  await calm();
  assert.deepEqual(
    [queue.photos.map(({ id }) => id), queue.left, [...stored.keys()]],
    [["a", "b", "c"], 2, ["a", "b", "c"]]
  );
});

for (const [status, code] of [
  [413, "too_large"],
  [415, "photo_type"],
  [422, "photo_broken"],
  [400, ""]
] as const) {
  test(`${status} is final`, async () => {
    const { queue, pauses, states, stored, add, answer } = made();
    await add();
    await answer(0, failure(status, code));
    assert.deepEqual([states(), stored.size, pauses.length], [[], 0, 0]);
    assert.deepEqual(queue.refused, [{ name: undefined, reason: code ? "said: " + code : "not accepted" }]);
  });
}

for (const status of [0, 408, 429, 500, 503]) {
  test(`${status} is tried again, and whether the network is missing is known`, async () => {
    const { pauses, states, add, answer } = made();
    const photo = await add();
    await answer(0, failure(status));
    assert.deepEqual([states(), photo.offline, pauses.length], [["waiting"], status === 0, 1]);
  });
}

test("a pause is as long as the service asks for", async () => {
  const { pauses, add, answer } = made();
  await add();
  await answer(0, failure(429, "too_many", 90));
  assert.equal(pauses[0]!.seconds, 90);
});

test("where the service has no room, the report goes without, unless the person tries again", async () => {
  const { queue, pauses, states, add, answer } = made();
  const photo = await add();
  await answer(0, failure(503, "photos_paused"));
  assert.deepEqual([states(), photo.reason, pauses.length], [["paused"], "said: photos_paused", 0]);
  assert.equal(await queue.settled(), false);
  queue.retry([photo]);
  await calm();
  await answer(1, received("token"));
  assert.deepEqual(states(), ["done"]);
});

test("a refused page is no matter of tickets", async () => {
  const { said, states, add, answer } = made();
  await add();
  await answer(0, failure(403, "origin_not_registered"));
  assert.equal(said.dropped, 0);
  assert.deepEqual(states(), []);
});
