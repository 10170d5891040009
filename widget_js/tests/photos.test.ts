import assert from "node:assert/strict";
import { test } from "node:test";
import { Queue, toDraft, type Photo, type World } from "../report/photos/queue.ts";
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

test("no more than there is room for; the others are counted", async () => {
  const { queue, uploads } = made();
  queue.add([picture(), picture()]);
  assert.equal(queue.left, 0);
  queue.add([picture(), picture(), picture()]);
  assert.equal(queue.left, 2);
  await calm();
  assert.equal(uploads.length, 3);
  assert.equal(new Set(queue.photos.map(({ id }) => id)).size, 3);
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
  test(`${status} is tried again, with growing pauses and when the network is back`, async () => {
    const { queue, uploads, pauses, states, add, answer } = made();
    const photo = await add();
    for (const index of [0, 1, 2]) {
      await answer(index, failure(status));
      assert.deepEqual(states(), ["waiting"]);
      assert.equal(photo.offline, status === 0);
      pauses[index]!.wake();
      await calm();
    }
    assert.deepEqual(
      pauses.map(({ seconds }) => seconds),
      [2, 5, 15]
    );
    await answer(3, failure(status));
    queue.retry();
    await calm();
    assert.equal(pauses[3]!.off, true, "one try at a time");
    await answer(4, received("token"));
    assert.deepEqual(states(), ["done"]);
    assert.equal(uploads.length, 5);
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

test("a refused ticket is replaced once", async () => {
  const { uploads, said, states, add, answer } = made();
  await add();
  await answer(0, failure(403, "ticket_expired"));
  assert.equal(said.dropped, 1);
  assert.equal(uploads[1]!.ticket, "ticket1");
  await answer(1, failure(403, "ticket_expired"));
  assert.deepEqual(states(), []);
  assert.equal(uploads.length, 2);
});

test("a refused page is no matter of tickets", async () => {
  const { said, states, add, answer } = made();
  await add();
  await answer(0, failure(403, "origin_not_registered"));
  assert.equal(said.dropped, 0);
  assert.deepEqual(states(), []);
});

test("no ticket without a network: it waits like everything else", async () => {
  const { states, add } = made({ take: () => Promise.reject(failure(0)) });
  await add();
  assert.deepEqual(states(), ["waiting"]);
});

test("removing stops what is on its way, and whatever still comes of it counts for nothing", async () => {
  const { queue, uploads, stored, add, answer } = made();
  const photo = await add();
  queue.remove(photo);
  assert.equal(uploads[0]!.signal.aborted, true);
  await answer(0, received("token"));
  assert.equal(photo.token, undefined);
  assert.equal(stored.size, 0);
  assert.equal(queue.photos.length, 0);
});

test("removed while it is made small, it is neither kept nor sent", async () => {
  let ready: (small: Blob) => void = () => undefined;
  const { queue, uploads, stored, add } = made({ shrink: () => new Promise(resolve => void (ready = resolve)) });
  queue.remove(await add());
  ready(picture());
  await calm();
  assert.equal(uploads.length + stored.size, 0);
});

test("a report waits until all are there or refused; erasing says that nothing is left to wait for", async () => {
  const { queue, pauses, said, add, answer } = made();
  assert.equal(await queue.settled(), false);
  await add(picture(), picture());
  let settled: boolean | undefined;
  void queue.settled().then(erased => (settled = erased));
  await answer(0, received("one"));
  await answer(1, failure(500));
  assert.equal(settled, undefined, "one of them will be tried again");
  pauses[0]!.wake();
  await calm();
  await answer(2, failure(415));
  assert.equal(settled, false);
  await add();
  let erased: boolean | undefined;
  void queue.settled().then(value => (erased = value));
  const before = said.lasting;
  queue.restore([]);
  await calm();
  assert.deepEqual([erased, said.lasting], [true, before], "and no draft is written anew");
});

test("what has ended neither prepares nor uploads, whatever is still on its way", async () => {
  let small: (photo: Blob) => void = () => undefined;
  const { queue, uploads, add } = made({ shrink: () => new Promise(resolve => void (small = resolve)) });
  await add(picture(), picture());
  queue.end();
  small(picture());
  await calm();
  queue.retry();
  assert.equal(uploads.length, 0);
  const other = made();
  await other.add();
  await other.answer(0, failure(500));
  other.queue.end();
  assert.equal(other.pauses[0]!.off, true);
});

test("a draft that has moved takes its pictures along", async () => {
  const { queue, stored, add } = made();
  const photo = await add();
  stored.clear();
  queue.storeAgain();
  assert.deepEqual([...stored.keys()], [photo.id]);
});

test("what the service no longer knows goes up again, once", async () => {
  const { queue, uploads, add, answer, states } = made();
  await add(picture(), picture(10, "application/pdf"), picture());
  await answer(0, received("one"));
  await answer(1, received("two"));
  assert.equal(queue.renew([1]), true);
  await calm();
  assert.deepEqual(states(), ["done", "sending"]);
  await answer(2, received("three"));
  assert.deepEqual(
    toDraft(queue.photos).map(({ token }) => token),
    ["one", "three"]
  );
  assert.equal(queue.renew([1]), false, "the second time it is no use");
  assert.equal(queue.renew([7]), false);
  assert.equal(queue.renew([]), false);
  assert.equal(uploads.length, 3);
});

test("a draft brings back what is fresh as it was, and uploads the rest again", async () => {
  const { queue, stored, uploads, states, said } = made();
  said.now = 50 * HOUR;
  for (const id of ["1", "2", "3"]) stored.set(id, picture());
  queue.restore([
    { id: "1", token: "fresh", alt: "Яма", uploadedAt: 28 * HOUR },
    { id: "2", token: "old", alt: "", uploadedAt: 27 * HOUR },
    { id: "3", alt: "" }
  ]);
  assert.deepEqual(
    toDraft(queue.photos).map(({ token }) => token),
    ["fresh", "old", undefined],
    "nothing is lost before it is looked at"
  );
  await calm();
  assert.deepEqual(states(), ["done", "sending", "sending"]);
  assert.equal(queue.photos[0]!.alt, "Яма");
  assert.equal(uploads.length, 2);
});

test("a picture that is gone is no photo, fresh or not", async () => {
  const { queue } = made({
    store: {
      put: () => Promise.reject(),
      get: () => Promise.reject(new Error("forbidden")),
      remove: () => Promise.reject()
    }
  });
  queue.restore([{ id: "1", token: "fresh", alt: "", uploadedAt: HOUR }]);
  await calm();
  assert.deepEqual(queue.photos, []);
});

test("where nothing can be kept photos live in memory, and that is said", async () => {
  const { queue, states, add, answer } = made({
    store: { put: () => Promise.reject(new Error("full")), get: () => Promise.reject(), remove: () => Promise.reject() }
  });
  const photo: Photo = await add();
  assert.equal(queue.volatile, true);
  await answer(0, received("token"));
  assert.deepEqual(states(), ["done"]);
  queue.remove(photo);
  await calm();
});
