/** The npm package: brings the loader from the service, as the snippet's own script would. Types: index.d.ts. */

const TAG = "igrajdanin-widget";
let loading;

export function install({ api, version = "1", integrity, nonce }) {
  // On a server there is no page; and a second loader would leave everything as it is.
  if (typeof document === "undefined") return Promise.resolve();
  const there = customElements.get(TAG);
  if (there) {
    const other = there.service && there.service !== api.replace(/\/$/, "");
    return other ? Promise.reject(new Error(`igrajdanin: the page has ${there.service}`)) : Promise.resolve();
  }
  loading ||= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${api.replace(/\/$/, "")}/w/${version}/loader.js`;
    if (integrity) Object.assign(script, { integrity, crossOrigin: "anonymous" });
    if (nonce) script.nonce = nonce;
    script.onload = () => resolve();
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error(`igrajdanin: ${script.src} did not load`));
    };
    document.head.append(script);
  });
  return loading;
}

/** Calls made before the loader is there wait in the queue that it reads. */
export function igrajdanin(...call) {
  // An element with this id is a property of the window too.
  if (typeof window.igrajdanin !== "function")
    window.igrajdanin = Object.assign((...later) => window.igrajdanin.q.push(later), { q: [] });
  window.igrajdanin(...call);
}
