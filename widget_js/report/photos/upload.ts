/** Sends one photo. XMLHttpRequest, because fetch tells nothing about what has left already. */

import type { ErrorBody } from "../../shared/api.ts";

/** POST /sites/{key}/photos */
export interface Received {
  photo: string;
  thumb: string;
  location?: { lat: number; lng: number } | null;
}
/** The shape of ApiError; status 0: no answer came. */
export interface Failure {
  status: number;
  body: ErrorBody;
}

/** Seconds without any progress after which the connection counts as lost. */
const PATIENCE = 60;

/** @throws Failure */
export const upload = (
  address: string,
  photo: Blob,
  ticket: string | undefined,
  progress: (share: number) => void,
  signal: AbortSignal
): Promise<Received> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    // Before the file: the service can refuse without reading on. The file's own name stays with its owner.
    if (ticket) form.append("ticket", ticket);
    form.append("file", photo, "photo");
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), PATIENCE * 1000);
    };
    request.upload.onprogress = ({ loaded, total }) => {
      wait();
      progress(loaded / total);
    };
    request.onloadend = () => {
      clearTimeout(timer);
      const body = parse(request.responseText);
      if (request.status === 201 && body) resolve(body as unknown as Received);
      // A success that cannot be read is an answer that did not come.
      else reject({ status: request.status === 201 ? 0 : request.status, body: body || {} });
    };
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", address);
    wait();
    request.send(form);
  });

function parse(text: string): ErrorBody | null {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return null;
  }
}
