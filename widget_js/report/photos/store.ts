/** Pictures of a draft in IndexedDB, a database for each site: erasing a draft is deleting its database. */

/** Resolves with what the request gave; storage may be forbidden or full: then it rejects, and the caller says so. */
async function run<T>(
  name: string,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>
): Promise<T> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.onupgradeneeded = () => opening.result.createObjectStore("photos");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = opening.onblocked = reject;
  });
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("photos", mode);
      const request = work(transaction.objectStore("photos"));
      transaction.oncomplete = () => resolve(request.result);
      // A full disk aborts when the transaction ends, not when the request does.
      transaction.onabort = reject;
    });
  } finally {
    // An open connection would hold up the deletion, in every tab.
    database.close();
  }
}

export class Store {
  /** `name` returns that of the database; nothing where the draft cannot be stored, and would leave pictures behind. */
  constructor(private readonly name: () => string | undefined) {}

  put(id: string, photo: Blob): Promise<unknown> {
    return this.run("readwrite", store => store.put(photo, id));
  }

  get(id: string): Promise<Blob | undefined> {
    return this.run("readonly", store => store.get(id) as IDBRequest<Blob | undefined>);
  }

  remove(id: string): Promise<unknown> {
    return this.run("readwrite", store => store.delete(id));
  }

  private async run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const name = this.name();
    if (!name) throw new Error("no draft");
    return run(name, mode, work);
  }
}
