/** The npm package: brings the loader from the service, as the snippet's own script would. Types: index.d.ts. */

const TAG = "igrajdanin-widget";
let loading;

export function install({ api, version = "1", integrity, nonce }) {
  // On a server there is no page; and a second loader would leave everything as it is.
  if (typeof document === "undefined" || customElements.get(TAG)) return Promise.resolve();
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
  window.igrajdanin ||= Object.assign((...later) => window.igrajdanin.q.push(later), { q: [] });
  window.igrajdanin(...call);
}
