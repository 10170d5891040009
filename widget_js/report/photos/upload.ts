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

/** Posts a form and tells what share of it has left. Resolves when the request has ended; status 0: no answer came. */
export const post = (
  address: string,
  form: FormData,
  progress: (share: number) => void,
  signal?: AbortSignal
): Promise<XMLHttpRequest> =>
  new Promise(resolve => {
    const request = new XMLHttpRequest();
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
      resolve(request);
    };
    if (signal) signal.addEventListener("abort", () => request.abort());
    request.open("POST", address);
    wait();
    request.send(form);
  });

/** @throws Failure */
export async function upload(
  address: string,
  photo: Blob,
  ticket: string | undefined,
  progress: (share: number) => void,
  signal: AbortSignal
): Promise<Received> {
  const form = new FormData();
  // Before the file: the service can refuse without reading on. The file's own name stays with its owner.
  if (ticket) form.append("ticket", ticket);
  form.append("file", photo, "photo");
  const { status, responseText } = await post(address, form, progress, signal);
  const body = parse(responseText);
  if (status === 201 && body) return body as unknown as Received;
  // A success that cannot be read is an answer that did not come.
  throw { status: status === 201 ? 0 : status, body: body || {} } as Failure;
}

function parse(text: string): ErrorBody | null {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return null;
  }
}
