/**
 * For forms of the service's own pages that take photos (templates/photos_field.html): makes them small before they go,
 * as the widget does, and shows how far they are. Without this script the form sends them as they are.
 */

import { faultOf, shrink } from "../report/photos/shrink.ts";
import { post } from "../report/photos/upload.ts";

const enhance = (input: HTMLInputElement): void => {
  const form = input.form!;
  const { dataset } = input;
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  input.after(status);
  const progress = document.createElement("progress");
  progress.setAttribute("aria-label", dataset.sending!);
  let chosen: File[] = [];
  let photos: Promise<File[]> = Promise.resolve([]);
  let pressed: HTMLButtonElement | null = null;
  let isPreparing = false;
  let isSending = false;

  const say = (text = "", isWrong = false): void => {
    status.className = isWrong ? "field-error" : "hint";
    status.textContent = text;
  };

  const prepare = async (files: File[]): Promise<File[]> => {
    const ready: File[] = [];
    const wrong: string[] = [];
    // One after the other: the memory of a phone holds one of them.
    for (const file of files) {
      const small = faultOf(file, false) ? file : await shrink(file);
      const fault = faultOf(small, true);
      if (fault) wrong.push(`${file.name}: ${dataset[fault]}`);
      else ready.push(new File([small], file.name, { type: small.type }));
    }
    // Others may have been chosen meanwhile.
    if (files === chosen) {
      isPreparing = false;
      if (wrong.length || !isSending) say(wrong.join(" ") || (ready.length ? dataset.ready : ""), wrong.length > 0);
      if (!ready.length) input.value = "";
    }
    return ready;
  };

  const send = async (): Promise<void> => {
    const isEarly = isPreparing;
    const ready = await photos;
    // Pressed before it was known that some cannot go: whoever reads so may press again.
    if (isEarly && ready.length < chosen.length) return;
    const body = new FormData(form);
    body.delete(input.name);
    for (const photo of ready) body.append(input.name, photo);
    if (pressed && pressed.name) body.append(pressed.name, pressed.value);
    // Beside the button, where the eyes are.
    if (pressed) pressed.before(progress);
    const answer = await post(form.action, body, share => (progress.value = share));
    progress.remove();
    if (!answer.status || answer.status >= 500) {
      say(dataset.failed, true);
      status.scrollIntoView({ block: "nearest" });
    } else if (answer.responseURL !== form.action) location.assign(answer.responseURL);
    else {
      // The form again, or a receipt, with the scripts that belong to it.
      document.open();
      document.write(answer.responseText);
      document.close();
    }
  };

  input.addEventListener("change", () => {
    chosen = [...input.files!];
    say(chosen.length ? dataset.preparing : "");
    isPreparing = true;
    photos = prepare(chosen);
  });
  form.addEventListener("click", ({ target }) => {
    pressed = (target as Element).closest("button") || pressed;
  });
  form.addEventListener("submit", event => {
    if (!input.files!.length) return;
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    say(dataset.sending);
    void send().then(() => (isSending = false));
  });
};

document.querySelectorAll<HTMLInputElement>("input[data-preparing]").forEach(enhance);
