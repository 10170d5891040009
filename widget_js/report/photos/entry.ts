/** The chunk of the photos: comes when somebody gets as far as adding one. */

export { default as styles } from "./photos.css";
export { createPhotos } from "./attachments.ts";
export { Camera, KINDS } from "./camera.tsx";
export { Photos } from "./section.tsx";
export { Thumbs } from "./thumbs.tsx";
export { Waiting } from "./waiting.tsx";
